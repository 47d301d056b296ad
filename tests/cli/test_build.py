"""`caisson build`, `inspect` and `verify`: exit code, stdout and stderr of what people do with them."""

import json
import subprocess
import sys

import pytest

from caisson import oci
from caisson.cli.app import run
from caisson.conversion import MANIFEST
from tests.cli.conftest import RECIPE

BUILD = ("build", "--recipe", "caisson.toml", "--key", "key.pem")


@pytest.fixture
def built(desk, capsys):
    assert run([*BUILD, f"rootfs:{desk}/root", "oci:out:v1", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def change(path, content, reference="oci:out:v1"):
    """Put another file into an image."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as directory:
        image = oci.source(oci.Reference.parse(reference)).read(scratch=Path(directory))
        entry = oci.tar.Entry(path=path.removeprefix("/"), kind=oci.tar.Kind.FILE, mode=0o555, size=len(content))
        pieces = (oci.tar.member(entry), content, oci.tar.padding(len(content)), oci.tar.end())
        layer = oci.FileLayer.pack(pieces, scratch=Path(directory))
        oci.sink(oci.Reference.parse(reference)).write(oci.append(image, layer, created_by="x"), overwrite=True)


def test_build_says_what_it_built(built, key):
    assert built["version"] == 1
    assert built["image"] == "oci:out:v1"
    assert built["digest"].startswith("sha256:")
    assert built["mrsigner"] == str(key.mr_signer)
    assert (built["isv_prod_id"], built["isv_svn"], built["debug"], built["trusted_files"]) == (7, 3, False, 2)


@pytest.mark.usefixtures("desk")
def test_build_speaks_to_people_too(capsys, key):
    assert run([*BUILD, "rootfs:root", "oci:out:v1"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert [line.split()[0] for line in out.splitlines()] == [
        *("image", "digest", "MRENCLAVE", "MRSIGNER", "runtime", "trusted"),
    ]
    assert str(key.mr_signer) in out


def test_two_builds_give_one_digest_in_every_place(built, capsys):
    for place in ("oci:again", "oci-archive:again.tar", "docker-archive:docker.tar:hello:v1"):
        assert run([*BUILD, "rootfs:root", place, "--json"]) == 0
        again = json.loads(capsys.readouterr().out)
        assert {**again, "image": ""} == {**built, "image": ""}


@pytest.mark.usefixtures("built")
def test_nothing_is_overwritten_without_force(desk, capsys):
    (desk / "root" / "bin" / "more").touch()
    assert run([*BUILD, "rootfs:root", "oci:out:v1"]) == 2
    assert capsys.readouterr() == (
        "",
        "error: another image is there as `v1`\nhint: add `--force` to replace it, or choose another tag\n",
    )
    assert run([*BUILD, "rootfs:root", "oci:out:v1", "--force"]) == 0


def test_a_pin_changes_the_measurement(built, capsys):
    assert run([*BUILD, "rootfs:root", "oci:pinned", "--key-server-pin", "ab" * 32, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mrenclave"] != built["mrenclave"]
    assert run(["verify", "oci:pinned", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["key_server_pin"] == "ab" * 32


def test_a_debug_enclave_is_announced(desk, capsys):
    (desk / "caisson.toml").write_text(RECIPE + "debug = true\n")
    for arguments in ((*BUILD, "rootfs:root", "oci:out"), ("verify", "oci:out")):
        assert run(arguments) == 0
        assert "debug enclave" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("build", "--key", "key.pem", "oci:x"), 2, "error: give one of `--recipe` and `--catalog`\nhint: "),
        (("build", "--key", "key.pem", "--catalog", "none", "oci:x"), 2, "error: the catalog has no `none`\nhint: "),
        ((*BUILD, "oci:x"), 2, "error: the recipe does not say where the plain image is\nhint: name it: "),
        ((*BUILD, "a", "b", "c"), 2, "error: more than SOURCE and DEST was given\n"),
        ((*BUILD, "rootfs:none", "oci:x"), 2, "error: there is no root file system `none`\n"),
        ((*BUILD, "docker-archive:root", "oci:x"), 2, "error: `root` is no file\nhint: for the image in this "),
        ((*BUILD, "docker-archive:key.pem", "oci:x"), 1, "error: `docker-archive:key.pem`: tar header has "),
        ((*BUILD, "rootfs:root", "docker://X:y"), 2, "error: `X:y` is no name in a registry\nhint: "),
        ((*BUILD, "rootfs:root", "oci:x", "--key-server-pin", "xy"), 2, "error: invalid value for `--key-server-pin`"),
        (("build", "rootfs:root", "oci:x"), 2, "error: give one of `--key` and `--unsigned`\nhint: "),
        ((*BUILD, "--unsigned", "rootfs:root", "oci:x"), 2, "error: give one of `--key` and `--unsigned`\nhint: "),
        ((*BUILD, "--from", "oci:a", "oci:x"), 2, "error: an image that is taken as it is has no SOURCE"),
        (("build", "--key", "no.pem", "--from", "oci:a", "oci:x"), 2, "error: there is no directory `a`"),
        (("sign", "oci:a"), 2, "error: give `--key KEY IMAGE DEST`, `--export FILE IMAGE`, or "),
        (("sign", "--key", "key.pem", "oci:a"), 2, "error: give `--key KEY IMAGE DEST`"),
        (("sign", "--import", "tbs", "oci:a", "oci:b"), 2, "error: give `--key KEY IMAGE DEST`"),
        (("verify", "oci:none"), 2, "error: there is no directory `none`\n"),
        (("inspect", "docker-archive:none.tar"), 2, "error: there is no file `none.tar`\n"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("desk")
def test_what_cannot_be_done_is_said_in_two_lines(capsys, arguments, code, message):
    assert run(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(message)


def test_inspect_shows_a_plain_and_a_confidential_image(built, capsys):
    assert run(["inspect", "rootfs:root", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["confidential"] is None
    assert run(["inspect", "oci:out:v1", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["digest"] == built["digest"]
    assert shown["confidential"]["mrenclave"] == built["mrenclave"]
    assert shown["confidential"]["argv"] == ["premain", "/bin/hello", "/bin/hello", "world"]
    assert run(["inspect", "oci:out:v1"]) == 0
    assert "program    /bin/hello /bin/hello world\n" in capsys.readouterr().out


def test_verify_says_yes_and_who_signed(built, capsys, key):
    assert run(["verify", "oci:out:v1"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"MRENCLAVE  {built['mrenclave']}\nMRSIGNER   {key.mr_signer}\n" in out
    assert out.endswith("verified   yes: manifest, premain, SIGSTRUCT and 2 trusted files\n")
    assert run(["verify", "oci:out:v1", "--mrsigner", str(key.mr_signer)]) == 0


@pytest.mark.usefixtures("built")
def test_verify_refuses_another_signer(capsys, key):
    assert run(["verify", "oci:out:v1", "--mrsigner", "00" * 32]) == 1
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == (
        "",
        [
            f"error: the image is intact, but signed by {key.mr_signer}, not by {'00' * 32}",
            "hint: ask the signer which key is theirs, by another way than the image",
        ],
    )


@pytest.mark.usefixtures("built")
def test_verify_does_not_take_a_policy_for_evidence_for_one_for_images(desk, capsys):
    (desk / "redis.policy.toml").write_text('version = 1\ntee = "sgx"\n')
    assert run(["verify", "oci:out:v1", "--policy", "redis.policy.toml"]) == 2
    assert capsys.readouterr().err == (
        "error: `redis.policy.toml` is a policy for evidence, and an image is none: `caisson attest` asks it of what"
        " runs\n"
        "hint: docs/reference/image-policy.md says how a policy for images is written\n"
    )


@pytest.mark.usefixtures("built")
def test_verify_names_what_was_changed(capsys):
    change("/bin/hello", b"evil")
    assert run(["verify", "oci:out:v1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: image was changed: trusted file `/bin/hello`: its SHA-256 is ")
    change(MANIFEST, b"x")
    assert run(["verify", "oci:out:v1", "--json"]) == 1
    refused = json.loads(capsys.readouterr().out)
    assert refused["verified"] is False
    assert refused["reasons"][0].startswith("manifest: ")


@pytest.mark.usefixtures("desk")
def test_verify_refuses_a_plain_image(capsys):
    assert run(["verify", "rootfs:root"]) == 1
    assert capsys.readouterr().err == (
        "error: no confidential image: it has no `/.caisson/premain`\nhint: make one with `caisson build`\n"
    )


@pytest.mark.parametrize("name", ["build", "inspect", "sign", "verify"])
def test_every_help_ends_with_an_example(name, capsys):
    assert run([name, "--help"]) == 0
    assert capsys.readouterr().out.rstrip().splitlines()[-1].startswith("    caisson ")


@pytest.mark.parametrize("command", ["build", "verify", "sign", "copy"])
def test_what_works_on_images_does_not_wait_for_a_key_servers_database_to_be_imported(command):
    script = f"import sys, caisson.cli.{command}; print([name for name in sys.modules if name == 'sqlalchemy'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
