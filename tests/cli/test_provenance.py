"""`caisson provenance` and `caisson verify --policy`: what publishers and those who rely on them do, and attacks."""

import json
from pathlib import Path

import pytest

from caisson import oci
from caisson.cli.app import run
from caisson.oci import Digest
from caisson.provenance import cosign
from tests.cli.test_build import BUILD, change
from tests.unit.provenance.conftest import POLICY


@pytest.fixture
def say(desk, capsys):
    (desk / "root" / "var/lib/dpkg").mkdir(parents=True)
    (desk / "root" / "var/lib/dpkg/status").write_text("Package: hello\nVersion: 2.10\nArchitecture: amd64\n")

    def say(*arguments, code=0):
        capsys.readouterr()
        assert run(arguments) == code, capsys.readouterr()
        return capsys.readouterr()

    return say


@pytest.fixture
def built(say):
    built = json.loads(say(*BUILD, "rootfs:root", "oci:out:v1", "--json").out)
    say("provenance", "key")
    return built


@pytest.fixture
def attached(built, say, desk):
    said = say("provenance", "attach", "oci:out:v1", "--key", "publisher.pem", "--source", "rootfs:root",
               "--recipe", "caisson.toml", "--json").out  # fmt: skip
    text = POLICY.format(mrsigner=built["mrsigner"], publisher=Path("publisher.pub").read_text())
    (desk / "policy.toml").write_text(text)
    return json.loads(said)


def in_store(place="oci:out", scratch=None):
    return oci.open_store(oci.Reference.parse(place), scratch=scratch)


def test_what_is_attached_is_verified_with_the_publishers_key_alone(attached, built, say):
    found = json.loads(say("provenance", "verify", "oci:out:v1", "--publisher", "publisher.pub", "--json").out)
    assert found["publisher"] == attached["publisher"]
    assert found["digest"] == attached["digest"] == built["digest"]
    assert (found["mrenclave"], found["mrsigner"]) == (built["mrenclave"], built["mrsigner"])
    assert found["attached"] == ["cosign", "sbom", "sigstruct", "statement"]
    assert found["recipe"] == str(Digest.of(Path("caisson.toml").read_bytes()))
    plain = json.loads(say("inspect", "rootfs:root", "--json").out)
    assert found["source"] == plain["digest"]
    assert attached["packages"] == 1


def test_people_are_told_what_was_stated(attached, say):
    out = say("provenance", "verify", "oci:out:v1", "--publisher", "publisher.pub").out
    assert [line.split()[0] for line in out.splitlines()] == [
        "image", "MRENCLAVE", "MRSIGNER", "product", "source", "recipe", "packages", "publisher",
    ]  # fmt: skip
    assert attached["publisher"] in out


@pytest.mark.usefixtures("attached")
def test_attaching_again_changes_nothing(desk, say):
    before = {path: path.read_bytes() for path in (desk / "out").rglob("*") if path.is_file()}
    say("provenance", "attach", "oci:out:v1", "--key", "publisher.pem", "--source", "rootfs:root",
        "--recipe", "caisson.toml")  # fmt: skip
    assert {path: path.read_bytes() for path in (desk / "out").rglob("*") if path.is_file()} == before


@pytest.mark.usefixtures("attached")
def test_show_lists_what_is_attached(say):
    shown = json.loads(say("provenance", "show", "oci:out:v1", "--json").out)["attached"]
    assert sorted(each["type"] for each in shown) == [
        "application/vnd.caisson.sigstruct.v1",
        "application/vnd.cyclonedx+json",
        "application/vnd.in-toto+json",
    ]
    assert "1808 bytes" in say("provenance", "show", "oci:out:v1").out


def test_an_image_without_anything_attached_says_so(built, say):
    assert say("provenance", "show", "oci:out:v1").out == "nothing is attached\n"
    refused = say("provenance", "verify", "oci:out:v1", "--publisher", "publisher.pub", code=1).err
    assert refused == (
        "error: provenance: no statement is attached to the image\nhint: attach one with `caisson provenance attach`\n"
    )
    assert built["digest"]


def test_a_bill_of_materials_can_be_printed_from_any_place(built, say):
    say(*BUILD, "rootfs:root", "docker-archive:app.tar")
    value = json.loads(say("provenance", "sbom", "docker-archive:app.tar").out)
    assert [component.get("purl") for component in value["components"]] == [
        None,
        "pkg:deb/debian/hello@2.10?arch=amd64",
    ]
    assert value == json.loads(say("provenance", "sbom", "oci:out:v1").out)
    assert built["digest"] == value["metadata"]["component"]["version"]


def test_what_cannot_be_read_is_told(desk, say):
    (desk / "root" / "var/lib/rpm").mkdir(parents=True)
    (desk / "root" / "var/lib/rpm" / "Packages").write_bytes(b"x")
    say(*BUILD, "rootfs:root", "oci:out:v1")
    err = say("provenance", "sbom", "oci:out:v1").err
    assert err == (
        "warning: not in the bill of materials: /var/lib/rpm/Packages: RPM's database in the format Berkeley DB, "
        "which is not read here\n"
    )


@pytest.mark.usefixtures("built")
def test_a_source_of_which_the_image_was_not_made_is_refused(desk, say):
    (desk / "root" / "more").touch()
    attach = ("provenance", "attach", "oci:out:v1", "--key", "publisher.pem", "--source", "rootfs:root")
    assert "lowest layers are not those of the plain image" in say(*attach, code=1).err


@pytest.mark.usefixtures("built")
def test_a_recipe_that_gives_another_enclave_is_refused(desk, say):
    other = (desk / "caisson.toml").read_text().replace('"world"', '"moon"')
    (desk / "other.toml").write_text(other)
    attach = ("provenance", "attach", "oci:out:v1", "--key", "publisher.pem", "--source", "rootfs:root", "--recipe")
    assert "the recipe gives the measurement " in say(*attach, "other.toml", code=1).err
    say(*attach, "caisson.toml")


@pytest.mark.usefixtures("built")
def test_a_recipe_alone_must_say_where_the_plain_image_is(say):
    attach = ("provenance", "attach", "oci:out:v1", "--key", "publisher.pem", "--recipe", "caisson.toml")
    assert "does not say where the plain image is" in say(*attach, code=2).err
    assert "one of `--recipe` and `--catalog`" in say(*attach, "--catalog", "redis", code=2).err


def test_a_pinned_image_is_compared_with_its_pin(say, built):
    say(*BUILD, "--key-server-pin", "ab" * 32, "rootfs:root", "oci:out:v2")
    say("provenance", "attach", "oci:out:v2", "--key", "publisher.pem", "--source", "rootfs:root",
        "--recipe", "caisson.toml")  # fmt: skip
    assert built["digest"]


@pytest.mark.usefixtures("built")
def test_nothing_is_attached_where_nothing_can_be(say):
    say(*BUILD, "rootfs:root", "docker-archive:app.tar")
    refused = say("provenance", "attach", "docker-archive:app.tar", "--key", "publisher.pem", code=2).err
    assert "keeps no documents" in refused
    refused = say("provenance", "attach", "oci-archive:app.tar", "--key", "publisher.pem", code=2).err
    assert refused.startswith("error: nothing is attached to `oci-archive:app.tar`: an archive is written once")


@pytest.mark.usefixtures("attached")
def test_a_policy_that_asks_for_provenance_says_where_there_can_be_none(say):
    say(*BUILD, "rootfs:root", "docker-archive:app.tar")
    refused = say("verify", "docker-archive:app.tar", "--policy", "policy.toml", code=2).err
    assert "keeps no documents and blobs as they are" in refused


@pytest.mark.parametrize("place", ["oci:dir", "oci-archive:oci.tar", "docker-archive:docker.tar:hello:v1"])
@pytest.mark.usefixtures("attached")
def test_a_policy_without_provenance_is_for_images_in_every_place(desk, say, place):
    text = (desk / "policy.toml").read_text().partition("[provenance]")[0]
    (desk / "policy.toml").write_text(text)
    say(*BUILD, "rootfs:root", place)
    say("verify", place, "--policy", "policy.toml")
    (desk / "policy.toml").write_text(text.replace("svn = 3", "svn = 4"))
    refused = say("verify", place, "--policy", "policy.toml", code=1).err
    assert refused == "error: policy: the security version 3 is not accepted; 4 is the least\n"


@pytest.mark.usefixtures("built")
def test_the_key_of_enclaves_states_nothing(say):
    refused = say("provenance", "attach", "oci:out:v1", "--key", "key.pem", code=2).err
    assert refused.startswith("error: key is not an ECDSA key on P-256\n")


@pytest.mark.usefixtures("built")
def test_a_changed_image_is_not_stated_about(say):
    change("/bin/hello", b"evil")
    refused = say("provenance", "attach", "oci:out:v1", "--key", "publisher.pem", code=1).err
    assert refused.startswith("error: image was changed: trusted file `/bin/hello`")


def test_the_policy_accepts_the_image_and_names_who_stands_for_it(attached, say):
    verified = json.loads(say("verify", "oci:out:v1", "--policy", "policy.toml", "--json").out)
    assert verified["verified"] is True
    assert verified["provenance"]["publisher"] == attached["publisher"]
    assert f"publisher  {attached['publisher']}\n" in say("verify", "oci:out:v1", "--policy", "policy.toml").out


@pytest.mark.usefixtures("attached")
def test_every_mismatch_of_the_policy_is_named(desk, say):
    text = (desk / "policy.toml").read_text()
    (desk / "policy.toml").write_text(text.replace("svn = 3", "svn = 4").replace('["native"]', '["gramine"]'))
    refused = json.loads(say("verify", "oci:out:v1", "--policy", "policy.toml", "--json", code=1).out)
    assert refused["verified"] is False
    assert refused["reasons"] == [
        "the security version 3 is not accepted; 4 is the least",
        "the runtime `native` is not accepted",
    ]


@pytest.mark.usefixtures("attached")
def test_an_image_that_another_publisher_stands_for_is_refused(desk, say):
    say("provenance", "key", "--output", "other.pem")
    ours, theirs = Path("publisher.pub").read_text(), Path("other.pub").read_text()
    (desk / "policy.toml").write_text((desk / "policy.toml").read_text().replace(ours, theirs))
    refused = say("verify", "oci:out:v1", "--policy", "policy.toml", code=1).err
    assert refused.startswith("error: policy: envelope names key ")


@pytest.mark.usefixtures("attached")
def test_a_tag_that_was_moved_to_another_image_is_refused(say):
    """The other image is signed by the same author, and even newer; but nobody stands for it."""
    say(*BUILD, "--key-server-pin", "ab" * 32, "rootfs:root", "oci:out:v1", "--force")
    refused = say("verify", "oci:out:v1", "--policy", "policy.toml", code=1).err
    assert "no statement is attached to the image" in refused
    assert f"the key server {'ab' * 32} is not accepted" in refused


def test_the_signature_of_another_image_under_this_ones_tag_is_refused(attached, say, tmp_path):
    say(*BUILD, "--key-server-pin", "ab" * 32, "rootfs:root", "oci:out:v2")
    say("provenance", "attach", "oci:out:v2", "--key", "publisher.pem")
    other = Digest.parse(json.loads(say("inspect", "oci:out:v2", "--json").out)["digest"])
    with in_store(scratch=tmp_path) as (store, _):
        descriptor, raw = store.find(cosign.tag_of(other))
        store.put_document(raw, descriptor.media_type, name=cosign.tag_of(Digest.parse(attached["digest"])))
    refused = say("verify", "oci:out:v1", "--policy", "policy.toml", code=1).err
    assert refused == "error: policy: no cosign by the publisher is attached\n"


def test_the_statement_of_another_image_attached_to_this_one_is_refused(attached, say, tmp_path):
    """Two images by one publisher: what is attached to one is moved to the other, whose own is taken away."""
    say(*BUILD, "--key-server-pin", "ab" * 32, "rootfs:root", "oci:other:v2")
    say("provenance", "attach", "oci:out:v1", "--key", "publisher.pem")
    other = Digest.parse(json.loads(say("inspect", "oci:other:v2", "--json").out)["digest"])
    with in_store(scratch=tmp_path) as (store, _), in_store("oci:other", tmp_path) as (target, _):
        for artifact in oci.attached(store, Digest.parse(attached["digest"]), scratch=tmp_path):
            oci.attach(target, artifact, subject=other)
    refused = say("provenance", "verify", "oci:other:v2", "--publisher", "publisher.pub", code=1).err
    assert refused.startswith("error: provenance: the statement's image is ")
    assert "the statement's MRENCLAVE is " in refused


def test_a_list_that_names_another_images_statement_changes_nothing(attached, say, tmp_path):
    """A referrer with another subject, put into this image's list, is not this image's."""
    say(*BUILD, "--key-server-pin", "ab" * 32, "rootfs:root", "oci:out:v2")
    other = json.loads(say("inspect", "oci:out:v2", "--json").out)["digest"]
    with in_store(scratch=tmp_path) as (store, _):
        theirs = store.referrers(Digest.parse(attached["digest"]))
        index = oci.ImageIndex(manifests=theirs).encode()
        store.put_document(index, oci.MediaType.INDEX, name=f"sha256-{other.partition(':')[2]}")
    refused = say("provenance", "verify", "oci:out:v2", "--publisher", "publisher.pub", code=1).err
    assert "no statement is attached to the image" in refused


@pytest.mark.parametrize("name", ["attach", "key", "sbom", "show", "verify"])
def test_every_help_ends_with_an_example(name, capsys):
    assert run(["provenance", name, "--help"]) == 0
    assert "Example:\n    caisson provenance" in capsys.readouterr().out
