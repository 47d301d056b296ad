"""Whatever a file is in place of what it should be: the error names it, a hint follows, and nothing is left behind."""

from pathlib import Path

import pytest

from caisson.cli.app import run

CASE = Path(__file__).parents[1] / "vectors" / "measurement" / "case-08"
ENCLAVE = ("--pal", str(CASE / "libpal.so"), "--manifest", str(CASE / "app.manifest.sgx"))
COMMANDS = [
    "attest-local check FILE --pal FILE --manifest FILE --sigstruct FILE",
    "build --recipe FILE --key FILE rootfs:FILE oci:new",
    "build --recipe caisson.toml --key key.pem rootfs:FILE oci:new",
    "build --recipe caisson.toml --key key.pem oci-archive:FILE oci:new",
    "build --recipe caisson.toml --key key.pem docker-archive:FILE oci:new",
    "build --recipe caisson.toml --key FILE rootfs:root oci:new",
    "collateral show FILE",
    "collateral verify FILE",
    "collateral verify FILE --root FILE",
    "copy oci:FILE oci:new",
    "doctor --readings FILE",
    "evidence inspect FILE",
    "evidence verify FILE --genuine-only --collateral FILE",
    "inspect rootfs:FILE",
    "key show FILE",
    "manifest lint FILE",
    "manifest migrate FILE --output new",
    "policy check FILE",
    "policy create --root FILE --mrenclave " + "00" * 32 + " --minimum-evaluation-number 1 --output new",
    "policy propose FILE --collateral FILE --output new",
    "policy test FILE",
    "runtime add FILE",
    "sign oci-archive:FILE oci:new --key key.pem",
    "upgrade plan oci-archive:FILE oci-archive:FILE --output new",
    "verify docker-archive:FILE",
    "webhook install --policy FILE --flavour intel-plain --key-server https://k.example --url https://w.example",
]
ZEROS = bytes(1 << 20)
# An empty manifest is one, which says nothing; zeros are shown as the report that they would be.
THINGS = {("manifest lint", b""), ("manifest migrate", b""), ("evidence inspect", ZEROS)}
CONTENTS = {"empty": b"", "text in another encoding": "grüße\n".encode("latin-1"), "zeros": ZEROS}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_another_file_is_named_with_a_hint_and_leaves_nothing(desk, command, content, capsys):
    if (command.partition(" FILE")[0], content) in THINGS:
        return
    (desk / "other.file").write_bytes(content)
    before = {path for path in desk.rglob("*") if "home" not in path.parts}
    code = run(command.replace("FILE", "other.file").split())
    error = capsys.readouterr().err
    assert code in (1, 2), error
    assert "other.file" in error
    assert "\nhint: " in error
    assert {path for path in desk.rglob("*") if "home" not in path.parts} == before


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_what_is_no_enclave_has_a_hint(desk, content, capsys):
    (desk / "other.file").write_bytes(content)
    assert run(["enclave", "measure", "--pal", "other.file", *ENCLAVE[2:]]) == 1
    assert "\nhint: " in capsys.readouterr().err
