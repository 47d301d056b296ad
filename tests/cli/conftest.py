"""A desk to build images at, and a key server in memory behind the commands that talk to one."""

import struct
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from caisson.cli.app import run
from caisson.enclave import SigningKey
from caisson.errors import Unavailable
from caisson.keyserver import Activations, Collaterals, KeyServerClient, Operator, build_app, memory_server

PROGRAM = struct.pack("<4s5B7xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, 3, 62, 1, 0, 64, 0, 0, 64, 56, 0, 0, 0, 0)
RECIPE = """
version = 1
name = "hello"
summary = "says hello"
[application]
command = ["/bin/hello", "world"]
[enclave]
size = "256M"
max_threads = 4
isv_prod_id = 7
isv_svn = 3
"""


@pytest.fixture(scope="session")
def key():
    return SigningKey.generate()


@pytest.fixture
def desk(tmp_path, monkeypatch, key):
    """A directory with a root file system, a recipe and a key, which is also where commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAISSON_HOME", str(tmp_path / "home"))
    (tmp_path / "root" / "bin").mkdir(parents=True)
    (tmp_path / "root" / "bin" / "hello").write_bytes(PROGRAM)
    for path in (tmp_path / "root", tmp_path / "root" / "bin", tmp_path / "root" / "bin" / "hello"):
        path.chmod(0o755)
    (tmp_path / "caisson.toml").write_text(RECIPE)
    (tmp_path / "key.pem").write_bytes(key.to_pem(None))
    return tmp_path


@dataclass
class KeyServerWorld:
    """A server, its operator, and a way to type commands at it."""

    operator: Operator
    directory: Path
    capsys: pytest.CaptureFixture

    def __call__(self, *arguments):
        code = run([*arguments])
        out, err = self.capsys.readouterr()
        return code, out, err

    def file(self, name, content):
        path = self.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)


@pytest.fixture
def keyserver(tmp_path, monkeypatch, capsys):
    server, token = memory_server(trust_domain="example.org", clock=lambda: 1_795_435_200.0)

    def fetch(_quote):
        raise Unavailable("no provisioning service")

    with TestClient(build_app(Activations(server, Collaterals(fetch))), base_url="https://keys.test") as http:
        monkeypatch.setattr(
            KeyServerClient, "connect", classmethod(lambda cls, _url, **options: cls(http, token=options["token"]))
        )
        # One connection serves all commands of a test.
        monkeypatch.setattr(KeyServerClient, "close", lambda _self: None)
        world = KeyServerWorld(Operator(server, "first"), tmp_path, capsys)
        monkeypatch.setenv("CAISSON_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("CAISSON_KEY_SERVER", "https://keys.test")
        monkeypatch.setenv("CAISSON_KEY_SERVER_CA", world.file("ca.pem", server.face.ca_pem))
        monkeypatch.setenv("CAISSON_KEY_SERVER_TOKEN_FILE", world.file("token", token.reveal() + b"\n"))
        (tmp_path / "token").chmod(0o600)
        yield world
    server.store.close()
