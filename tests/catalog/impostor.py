"""Certificates that the key server's authority, or another of its name, could have issued; a database's double."""

import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from caisson.keyserver.ca import CertificateAuthority, SubjectNames
from caisson.keyserver.state import open_state

_NO_EVIDENCE = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.23.133.5.4.9"), b"none")


def authority(home, *, genuine):
    """Give the authority of a home's key server, or one of the same name with a key of its own."""
    if not genuine:
        return CertificateAuthority.create("caisson.local", at=datetime.now(UTC))
    server = open_state(home / "keyserver", home / "keyserver-unseal.key")
    server.store.close()
    return server.ca


def credentials(directory, ca, *, workload, dns=()):
    """Write a key and a certificate, with its authority behind it, that a thief of the authority's key could make."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = ca.issue_workload(
        workload,
        SubjectNames(dns=dns, ip=(ip_address("127.0.0.1"),)),
        public_key=key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        evidence=_NO_EVIDENCE,
        at=datetime.now(UTC),
    )
    directory.mkdir()
    chain = leaf.public_bytes(Encoding.PEM) + ca.certificate.public_bytes(Encoding.PEM)
    (directory / "certificate.pem").write_bytes(chain)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "key.pem").write_bytes(pem)
    directory.chmod(0o755)
    return directory


@contextmanager
def double(image, *, network, alias, ca, directory=None):
    """Run a database that lets in anybody who comes, in place of one whose image it uses; tells who came until now.

    Guests of the authority `ca` (a file) find nothing wrong with it but its certificate; without a directory of
    credentials it speaks plain text.
    """
    secured = ("--ssl-ca=/ca.pem", "--ssl-cert=/tls/certificate.pem", "--ssl-key=/tls/key.pem")
    name = f"{alias}-double"
    start = [
        *("docker", "run", "--detach", "--name", name, "--network", network, "--network-alias", alias),
        *("--user", "999:999", "--tmpfs", "/tmp:uid=999,gid=999", "--entrypoint", "/usr/sbin/mariadbd"),
        *(() if directory is None else ("--volume", f"{directory}:/tls:ro", "--volume", f"{ca}:/ca.pem:ro")),
        *(image, "--no-defaults", "--skip-grant-tables", "--skip-innodb", "--default-storage-engine=MyISAM"),
        *("--datadir=/tmp", "--basedir=/usr", "--lc-messages-dir=/usr/share/mysql"),
        *("--socket=/tmp/socket", "--pid-file=/tmp/pid"),
        *("--skip-name-resolve", "--general-log", "--general-log-file=/dev/stderr"),
        *(("--skip-ssl",) if directory is None else secured),
    ]
    subprocess.run(start, check=True, capture_output=True)

    def docker(*words):
        done = subprocess.run(["docker", *words], check=True, capture_output=True, text=True, errors="replace")
        return done.stdout + done.stderr

    def until(words):
        deadline = time.monotonic() + 60
        while words not in (said := docker("logs", name)):
            assert time.monotonic() < deadline, said
            time.sleep(0.2)
        return said

    def who_came():
        """The engine has a program's words a moment later. Where ours are, those before are, too."""
        pid = docker("inspect", "--format", "{{.State.Pid}}", name).strip()
        client = ("mariadb", "--skip-ssl", "-h", "127.0.0.1", "-u", "last", "-e", "SELECT 1")
        subprocess.run(["nsenter", "--net", "--target", pid, *client], check=True, capture_output=True)
        return until("Connect\tlast@")

    try:
        until("ready for connections")
        yield who_came
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], check=True, capture_output=True)
