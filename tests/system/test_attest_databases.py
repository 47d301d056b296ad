"""`caisson attest` against real databases, which speak in the clear before they speak TLS."""

import contextlib
import datetime as dt
import json
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from caisson.cli import peer
from caisson.cli.app import run
from caisson.evidence import evidence_extension
from caisson.protocol import ActivationEvidence, Nonce, RuntimeData, ServerKeyHash
from tests.guest import launch, make_platform, policy
from tests.ports import reserved_port

NOW = dt.datetime.now(dt.UTC)
SERVER = ServerKeyHash(b"S" * 32)
POSTGRES = next(Path("/usr/lib/postgresql").glob("*/bin"), None)


@dataclass
class Scene:
    """A certificate with genuine evidence and its key, readable by a database; a policy; and the collateral."""

    directory: Path
    arguments: tuple[str, ...]


@pytest.fixture(scope="module")
def scene():
    directory = Path(tempfile.mkdtemp(prefix="caisson-db-"))
    directory.chmod(0o755)
    platform = make_platform(NOW.timestamp())
    enclave = launch(platform, program="database")
    key = generate_private_key(SECP256R1())
    data = RuntimeData.build(
        nonce=Nonce(b"N" * 32),
        workload="database",
        hpke_public_key=bytes(1216),
        tls_public_key=key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        server_key_hash=SERVER,
    )
    quote = platform.quote(enclave.ereport(platform.quoting_enclave.target_info, data.report_data))
    name = x509.Name([])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + dt.timedelta(days=1))
        .add_extension(evidence_extension(ActivationEvidence(quote=quote, runtime_data=data.raw)), critical=False)
        .sign(key, SHA256())
    )
    (directory / "server.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (directory / "server.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    (directory / "policy.toml").write_text(policy(platform, enclave, SERVER))
    (directory / "collateral.json").write_text(json.dumps(platform.collateral(NOW)))
    arguments = ("--policy", str(directory / "policy.toml"), "--collateral", str(directory / "collateral.json"))
    yield Scene(directory, arguments)
    shutil.rmtree(directory)


@contextlib.contextmanager
def server(command, port, log):
    """Run a server until its port answers, and end it."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:  # MariaDB forgets a signal that comes while it starts
            process.kill()
            process.wait()


def own(directory, user, *names):
    """Give files to the user whom a database runs as."""
    for name in names:
        shutil.chown(directory / name, user)
        (directory / name).chmod(0o600 if name.endswith(".key") else 0o700)


@contextlib.contextmanager
def postgres(scene, *, tls=True):
    assert POSTGRES is not None, "`make test` installs PostgreSQL"
    data = scene.directory / "postgres"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    own(scene.directory, "postgres", "postgres", "server.key")
    prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run([*prefix, POSTGRES / "initdb", "-D", data, "--no-sync"], check=True, capture_output=True)
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "ssl": "on" if tls else "off",
        "ssl_cert_file": scene.directory / "server.pem",
        "ssl_key_file": scene.directory / "server.key",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with reserved_port() as port:
        command = [*prefix, POSTGRES / "postgres", "-D", data, "-p", str(port), *options]
        with server(command, port, scene.directory / "log") as address:
            yield address


@contextlib.contextmanager
def mariadb(scene, *, tls=True):
    data = scene.directory / "mariadb"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    own(scene.directory, "mysql", "mariadb", "server.key")
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=mysql", "--skip-test-db"]
    subprocess.run(install, check=True, capture_output=True)
    command = [
        "mariadbd",
        "--no-defaults",
        "--user=mysql",
        f"--datadir={data}",
        "--bind-address=127.0.0.1",
        f"--socket={data}/sock",
        *([f"--ssl-cert={scene.directory}/server.pem", f"--ssl-key={scene.directory}/server.key"] if tls else []),
    ]
    with reserved_port() as port, server([*command, f"--port={port}"], port, scene.directory / "log") as address:
        yield address


@pytest.mark.parametrize(("kind", "database"), [("postgres", postgres), ("mysql", mariadb)])
def test_a_database_is_attested_through_its_own_start_of_tls(scene, kind, database, capsys):
    with database(scene) as address:
        assert run(["attest", address, "--starttls", kind, *scene.arguments]) == 0, capsys.readouterr().err
        assert capsys.readouterr().out.startswith(f"{address} is workload `database`, and the policy accepts it\n")
        # Without it there is no TLS at this port.
        assert run(["attest", address, *scene.arguments]) == 3
        assert "databases may need `--starttls`" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "database"), [("postgres", postgres), ("mysql", mariadb)])
def test_a_database_without_tls_is_no_verdict(scene, kind, database, capsys):
    with database(scene, tls=False) as address:
        assert run(["attest", address, "--starttls", kind, *scene.arguments]) == 3
        assert "has no TLS" in capsys.readouterr().err


def test_one_database_is_not_the_other(scene, capsys, monkeypatch):
    """PostgreSQL waits for us to speak, MySQL speaks first: nobody would ever say a word."""
    monkeypatch.setattr(peer, "_PATIENCE", 0.5)
    with postgres(scene) as address:
        assert run(["attest", address, "--starttls", "mysql", *scene.arguments]) == 3
    assert "error: " in capsys.readouterr().err
