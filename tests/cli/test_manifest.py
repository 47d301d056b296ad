"""`caisson manifest`: exit codes, text and JSON, on manifests, recipes, the catalog and images."""

import json

import pytest

from caisson import catalog
from caisson.cli.app import run
from caisson.errors import Unavailable, UsageError

GOOD = """
libos.entrypoint = "/app"
loader.argv = ["app"]
fs.mounts = [{ type = "encrypted", path = "/data", uri = "file:/data", key_name = "data" }]
sgx.remote_attestation = "dcap"
sgx.isvprodid = 1
sgx.isvsvn = 1
sgx.trusted_files = ["file:/app"]
"""
BUILD = ("build", "--recipe", "caisson.toml", "--key", "key.pem", "rootfs:root")


@pytest.fixture
def typed(desk, capsys):
    """Type a command at a desk with a good manifest on it."""
    (desk / "good.manifest").write_text(GOOD)
    (desk / "bad.manifest").write_text(GOOD + "sgx.debug = true\n")

    def typed(*arguments):
        code = run([*arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return typed


def test_a_good_manifest_passes(typed):
    assert typed("manifest", "lint", "good.manifest") == (0, "nothing found\n", "")


def test_a_bad_manifest_is_refused_with_reason_and_fix(typed):
    code, out, _ = typed("manifest", "lint", "bad.manifest")
    assert code == 1
    assert "L01 critical: sgx.debug: the host can read" in out
    assert "fix: set `sgx.debug = false`" in out


def test_findings_below_the_bar_are_told_and_pass(typed, desk):
    (desk / "talkative").write_text(GOOD + 'loader.log_level = "debug"\n')
    code, out, _ = typed("manifest", "lint", "talkative", "--json")
    assert code == 0
    (finding,) = json.loads(out)["findings"]
    assert (finding["rule"], finding["severity"]) == ("L14", "medium")
    assert typed("manifest", "lint", "talkative", "--fail-on", "medium")[0] == 1


def test_a_recipe_is_examined(typed, desk):
    assert typed("manifest", "lint", "caisson.toml")[0] == 0
    recipe = desk / "caisson.toml"
    recipe.write_text(recipe.read_text().replace("[application]", "ports = [80]\n[application]"))
    code, out, _ = typed("manifest", "lint", "caisson.toml")
    assert code == 1
    assert "L22 high: port 80" in out


@pytest.mark.parametrize("name", catalog.names())
def test_recipes_of_the_catalog_pass(typed, name):
    assert typed("manifest", "lint", "--catalog", name)[0] == 0


def test_an_image_is_examined_with_what_lies_in_it(typed, desk):
    (desk / "root" / "bin" / "sh").write_bytes(b"a shell")
    (desk / "root" / "sbin").symlink_to("bin")
    (desk / "root" / "etc").mkdir()
    (desk / "root" / "etc" / "os-release").write_text('ID=debian\nVERSION_ID="9"\n')
    (desk / "root" / "etc" / "host.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    assert typed(*BUILD, "oci:out:app")[0] == 0
    code, out, _ = typed("manifest", "lint", "oci:out:app", "--json")
    assert code == 1
    found = {(finding["rule"], finding["where"]) for finding in json.loads(out)["findings"]}
    assert ("L05", "`/etc/host.pem`") in found
    assert ("L20", "`/bin/sh`") in found
    assert ("L21", "debian 9 gets no security fixes any more") in found


def test_a_deployment_is_examined_along_with_it(typed, desk):
    (desk / "compose.yaml").write_text("services: { app: { privileged: true } }\n")
    code, out, _ = typed("manifest", "lint", "good.manifest", "--deployment", "compose.yaml")
    assert code == 1
    assert "L24 high: services.app.privileged: it is privileged" in out


def test_a_plain_image_and_nothing_at_all_are_told_apart(typed):
    assert typed("manifest", "lint", "rootfs:root")[0] == 1
    assert typed("manifest", "lint", "no/such/thing:at all")[0] == 2
    assert typed("manifest", "lint")[0] == 2


def test_a_manifest_is_explained(typed):
    code, out, _ = typed("manifest", "explain", "good.manifest")
    assert code == 0
    assert 'sgx.remote_attestation = "dcap"\n    [S] whether the enclave can prove' in out
    assert "sgx.isvsvn" in typed("manifest", "explain", "good.manifest", "--json")[1]


def test_the_manifest_in_an_image_is_explained(typed):
    assert typed(*BUILD, "oci:out:app")[0] == 0
    code, out, err = typed("manifest", "explain", "oci:out:app")
    assert (code, err) == (0, "")
    assert 'libos.entrypoint = "/.caisson/premain"\n    [S] ' in out
    assert typed("manifest", "explain", "oci:nothing:app")[0] == 2


def test_keys_are_explained(typed):
    code, out, _ = typed("manifest", "explain", "sgx.isvsvn")
    assert code == 0
    assert out.startswith("sgx.isvsvn: a whole number; default 0\n    [S] security version")
    assert json.loads(typed("manifest", "explain", "sgx.isvsvn", "--json")[1])["keys"][0]["class"] == "S"
    code, out, err = typed("manifest", "explain", "no.such.key")
    assert (code, out) == (2, "")
    assert "hint: an image needs its tag, or its place" in err


def test_an_old_manifest_is_migrated_to_one_that_passes(typed, desk):
    (desk / "old").write_text(
        'libos.entrypoint = "/app"\n[sgx]\nthread_num = 8\nremote_attestation = "epid"\ndebug = true\n'
    )
    assert typed("manifest", "lint", "old")[0] == 1
    code, out, err = typed("manifest", "migrate", "old", "--output", "new")
    assert code == 0
    assert "sgx.thread_num: now `sgx.max_threads`" in err
    assert out.startswith("new: ")
    assert typed("manifest", "lint", "new", "--fail-on", "low") == (0, "nothing found\n", "")
    assert typed("manifest", "migrate", "old", "--output", "new")[0] == 2
    assert json.loads(typed("manifest", "migrate", "old", "--json")[1])["changes"]
    assert typed("manifest", "migrate", "old", "--syntax-only")[1].count("debug = true") == 1


def test_the_same_manifest_does_not_differ(typed):
    assert typed("manifest", "diff", "good.manifest", "good.manifest")[0] == 0


def test_what_differs_is_told_with_what_it_means(typed, desk):
    code, out, _ = typed("manifest", "diff", "good.manifest", "bad.manifest")
    assert code == 1
    assert "[S] sgx.debug: nothing -> true" in out
    assert "MRENCLAVE changes" in out
    (desk / "comment").write_text("# hello\n" + GOOD)
    code, out, _ = typed("manifest", "diff", "good.manifest", "comment")
    assert code == 1
    assert "only spelling, order or comments differ" in out


def test_keys_in_manifests_are_not_repeated(typed, desk):
    (desk / "keyed").write_text(GOOD + f'fs.insecure__keys.default = "{"ab" * 16}"\n')
    for arguments in (("diff", "good.manifest", "keyed"), ("explain", "keyed"), ("lint", "keyed")):
        _, out, err = typed("manifest", *arguments)
        assert "abab" not in out + err
        assert "fs.insecure__keys.default" in out


def test_images_are_compared_with_their_identities(typed, desk):
    assert typed(*BUILD, "oci:out:one")[0] == 0
    recipe = desk / "caisson.toml"
    recipe.write_text(recipe.read_text().replace("isv_svn = 3", "isv_svn = 4"))
    assert typed(*BUILD, "oci:out:two")[0] == 0
    code, out, _ = typed("manifest", "diff", "oci:out:one", "oci:out:two", "--json")
    assert code == 1
    found = json.loads(out)
    assert found["mrenclave_changes"] is True
    assert [change["path"] for change in found["changes"]] == ["sgx.isvsvn"]
    assert "rises from 3 to 4" in "\n".join(found["consequences"])
    assert typed("manifest", "diff", "oci:out:one", "oci:out:one")[0] == 0
    assert typed("manifest", "diff", "oci:out:one", "rootfs:root")[0] == 1


@pytest.mark.parametrize("command", [["lint"], ["explain"], ["diff", "good.manifest"]])
@pytest.mark.parametrize("error", [Unavailable, UsageError])
def test_a_path_that_is_mistyped_is_no_file_before_it_is_no_image(typed, monkeypatch, command, error):
    def read(_image, **_options):
        raise error("the engine has nothing for you", hint="look there")

    monkeypatch.setattr("caisson.oci.places.engine.Engine.read", read)
    code, _, err = typed("manifest", *command, "manifests/god.manifest")
    assert code == (2 if error is UsageError else 3)
    assert err == (
        "error: there is no file `manifests/god.manifest`; as the name of an image: the engine has nothing for you\n"
        "hint: look there\n"
    )
    # Who says that it is an image means no file.
    assert "no file" not in typed("manifest", *command, "docker-daemon:manifests/god.manifest")[2]
