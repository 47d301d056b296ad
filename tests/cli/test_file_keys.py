"""`caisson build` with encrypted files: where their keys come from, and where they never are."""

import io
import json
import tarfile

import pytest

from caisson import oci
from caisson.cli.app import run
from caisson.enclave.protected_files import FileKey, Reader
from tests.cli.conftest import RECIPE

KEY = bytes.fromhex("8f0e65c1d2b7a93455f1e0c9b8a7f6d3")
BUILD = ("build", "--recipe", "caisson.toml", "--key", "key.pem", "rootfs:root", "oci:out:v1")
CONNECTION = ("--server", "https://keys.test", "--token-file", "token", "--ca", "ca.pem")
ENCRYPTED = """
[[encrypted_file]]
path = "/app"
key = "code"
from = "app"
[provision]
fs_keys = { code = "code-key" }
"""


@pytest.fixture
def secret_desk(desk):
    (desk / "app").mkdir()
    (desk / "app" / "main.py").write_text("print('the canary sings')")
    (desk / "caisson.toml").write_text(f'tmpfs = ["/run/caisson", "/app"]\n{RECIPE}{ENCRYPTED}')
    (desk / "code.key").write_bytes(KEY)
    (desk / "code.key").chmod(0o600)
    return desk


def opened(desk, key):
    image = oci.source(oci.Reference.parse("oci:out:v1")).read(scratch=desk)
    raw = oci.FileSystem.of(image).find("/.caisson/encrypted/code").content.read()
    content = b"".join(Reader(io.BytesIO(raw), FileKey(key), path="/.caisson/encrypted/code").blocks())
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}


def holds(desk, *needles):
    blobs = [path.read_bytes() for path in (desk / "out").rglob("*") if path.is_file()]
    image = oci.source(oci.Reference.parse("oci:out:v1")).read(scratch=desk)
    blobs += [layer.archive().read() for layer in image.layers]
    return [needle for needle in needles for blob in blobs if needle in blob]


def test_a_key_in_a_file_encrypts_and_is_nowhere_else(secret_desk, capsys):
    assert run([*BUILD, "--file-key", "code=code.key", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["encrypted_files"] == ["code"]
    assert opened(secret_desk, KEY) == {"app/main.py": b"print('the canary sings')"}
    assert holds(secret_desk, KEY, KEY.hex().encode(), b"canary sings", b"main.py") == []
    assert all(word not in out + err for word in (KEY.hex(), repr(KEY)))
    assert run(["verify", "oci:out:v1"]) == 0
    assert "files under the key `code`: not looked into" in capsys.readouterr().out
    assert run(["inspect", "oci:out:v1"]) == 0
    assert "under the key `code`" in capsys.readouterr().out
    assert run(["provenance", "sbom", "oci:out:v1"]) == 0
    bill = json.loads(capsys.readouterr().out)
    (component,) = (each for each in bill["components"] if each["type"] == "data")
    assert component["bom-ref"] == "/.caisson/encrypted/code"
    assert {"name": "caisson:unread", "value": "/.caisson/encrypted/code: encrypted"} in bill["properties"]


def test_the_owner_of_the_key_opens_what_was_built(secret_desk):
    assert run([*BUILD, "--file-key", "code=code.key"]) == 0
    image = oci.source(oci.Reference.parse("oci:out:v1")).read(scratch=secret_desk)
    raw = oci.FileSystem.of(image).find("/.caisson/encrypted/code").content.read()
    (secret_desk / "code").write_bytes(raw)
    assert run(["files", "decrypt", "--key", "code.key", "code", "code.tar"]) == 0
    with tarfile.open("code.tar") as archive:
        assert archive.getnames() == ["app/main.py"]


@pytest.mark.usefixtures("secret_desk")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "error: no key server was named"),
        (("--file-key", "code"), "is not NAME=FILE"),
        (("--file-key", "other=code.key"), "error: the recipe has no encrypted files under the key `other`"),
        (("--file-key", "code=key.pem"), "error: the key `code` `key.pem` is open to everybody"),
        (("--file-key", "code=nothing"), "error: cannot read the key `code` `nothing`"),
        (("--file-key", "code=caisson.toml"), "open to everybody"),
    ],
)
def test_without_a_good_key_there_is_no_image(given, said, desk, capsys):
    assert run([*BUILD, *given]) == 2
    assert said in capsys.readouterr().err
    assert not (desk / "out").exists()


def test_the_key_server_makes_the_key_once_and_tells_its_log(secret_desk, keyserver):
    code, out, err = keyserver(*BUILD, *CONNECTION, "--json")
    assert code == 0, err
    digest = json.loads(out)["digest"]
    key = keyserver.operator.reveal_secret("code-key")[1].reveal()
    assert len(key) == 16
    assert opened(secret_desk, key) == {"app/main.py": b"print('the canary sings')"}
    assert holds(secret_desk, key) == []
    code, out, _ = keyserver(*BUILD, *CONNECTION, "--force", "--json")
    assert json.loads(out)["digest"] == digest, "the key is the same, and so is the image"
    log = b"".join(keyserver.operator.audit_lines(after=0, limit=100))
    assert log.count(b"revealed") >= 2, log
    assert key not in log
