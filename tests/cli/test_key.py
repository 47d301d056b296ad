"""`caisson key`: exit code, stdout and stderr of what people do with it."""

import json
import stat

import pytest

from caisson.cli.app import run
from caisson.enclave import SigningKey

ELSEWHERE = "hint: check the path, who may write there, and the space that is left\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "signing-key.pem"
    assert run(["key", "generate", "--output", str(path)]) == 0
    return path


def test_a_generated_key_is_its_owners_only_and_prints_its_mrsigner(tmp_path, capsys):
    path = tmp_path / "key.pem"
    assert run(["key", "generate", "--output", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "version": 1,
        "key": str(path),
        "mrsigner": str(SigningKey.load(path.read_bytes()).mr_signer),
    }
    assert err == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_show_prints_the_mrsigner(made, capsys):
    assert run(["key", "show", str(made)]) == 0
    assert capsys.readouterr() == (f"{SigningKey.load(made.read_bytes()).mr_signer}\n", "")


def test_a_key_is_not_overwritten(made, capsys):
    before = made.read_bytes()
    assert run(["key", "generate", "--output", str(made)]) == 2
    assert capsys.readouterr() == ("", f"error: `{made}` exists\nhint: use `--force` to overwrite it\n")
    assert made.read_bytes() == before


def test_with_force_it_is_and_stays_its_owners_only(tmp_path):
    path = tmp_path / "key.pem"
    path.write_text("old")
    path.chmod(0o644)
    assert run(["key", "generate", "--output", str(path), "--force"]) == 0
    assert SigningKey.load(path.read_bytes()).mr_signer
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["key.pem"]


def test_a_passphrase_encrypts_the_key(tmp_path, capsys):
    path, secret = tmp_path / "key.pem", tmp_path / "passphrase"
    secret.write_text("correct horse\n")
    assert run(["key", "generate", "--output", str(path), "--passphrase-file", str(secret)]) == 0
    assert b"ENCRYPTED" in path.read_bytes()
    mr_signer, talk = capsys.readouterr()
    assert talk == f"the key is in {path}: keep it safe, and a copy of it\n"
    assert run(["key", "show", str(path), "--passphrase-file", str(secret)]) == 0
    assert capsys.readouterr() == (mr_signer, "")
    assert run(["key", "show", str(path)]) == 2
    assert capsys.readouterr().err == ("error: key is encrypted\nhint: give its passphrase with `--passphrase-file`\n")
    secret.write_text("wrong\n")
    assert run(["key", "show", str(path), "--passphrase-file", str(secret)]) == 2
    assert capsys.readouterr().err == (
        "error: key cannot be decrypted: wrong passphrase, or not a key\n"
        "hint: is the file's only line the passphrase?\n"
    )


@pytest.mark.parametrize("content", ["", "\n", "two\nlines\n"])
def test_what_is_no_passphrase_makes_no_key(tmp_path, content):
    path, secret = tmp_path / "key.pem", tmp_path / "passphrase"
    secret.write_text(content)
    assert run(["key", "generate", "--output", str(path), "--passphrase-file", str(secret)]) == 2
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path, capsys):
    path = tmp_path / "nowhere" / "key.pem"
    assert run(["key", "generate", "--output", str(path)]) == 2
    assert capsys.readouterr() == ("", f"error: cannot write `{path}`: No such file or directory\n{ELSEWHERE}")


def test_what_is_no_key_is_rejected(tmp_path, capsys):
    path = tmp_path / "key.pem"
    path.write_text("no key")
    assert run(["key", "show", str(path)]) == 1
    assert capsys.readouterr() == (
        "",
        f"error: `{path}`: key is not a private key in PEM\nhint: make one with `caisson key generate`\n",
    )
