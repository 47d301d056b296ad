"""`caisson attest`, with a TLS server at the other end of a socket pair."""

import contextlib
import datetime as dt
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from caisson.cli import peer as peer_module
from caisson.cli.app import run
from caisson.evidence import evidence_extension
from caisson.evidence.binding.extension import OID
from caisson.evidence.binding.ra_tls import LEGACY_OID, TAG
from caisson.evidence.binding.tagged import NO_EVIDENCE, write_tagged
from caisson.platform import SoftwarePlatform
from caisson.protocol import ActivationEvidence, Nonce, RuntimeData, ServerKeyHash
from caisson.sgx import ReportData
from tests.guest import DEBUG, launch, make_platform
from tests.guest import policy as policy_text
from tests.unit.evidence.domains import DomainScene, domain

SNP_POLICY = """
version = 2
tee = "sev-snp"
roots = []
signing_keys = []
csp_ids = []
require_revocation_list = true
allow_debug = false
allow_migration = false
allow_smt = false
allow_provisional_firmware = false
required_policy = []
required_platform = []
vmpls = []
chips = "any"
report_data = "any"
minimum_tcb = {}
guests = []
"""
POLICY = """
version = 1
tee = "sgx"
roots = []
tcb_statuses = []
advisories = []
allow_debug = false
minimum_tcb_evaluation_data_number = 0
key_servers = []
enclaves = []
"""


TDX_POLICY = """
version = 2
tee = "tdx"
roots = ['''{root}''']
tcb_statuses = ["UpToDate"]
advisories = []
allow_debug = false
minimum_tcb_evaluation_data_number = 0
maximum_collateral_age_days = "any"
platforms = "any"
report_data = "any"
modules = "any"
required_attributes = ["SEPT_VE_DISABLE"]
allowed_attributes = []
allowed_xfam = "any"
service_domains = []
[[domains]]
mrtd = "{mrtd}"
"""
NOW = dt.datetime.now(dt.UTC)
SERVER = ServerKeyHash(b"S" * 32)


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return str(path)


@pytest.fixture
def peer(monkeypatch):
    """Whoever answers: what it does with its end of the connection is up to the test."""
    threads = []

    def answer(serve):
        def connect(_address, timeout):
            ours, theirs = socket.socketpair()
            ours.settimeout(timeout)
            threads.append(threading.Thread(target=serve, args=(theirs,)))
            threads[-1].start()
            return ours

        monkeypatch.setattr(peer_module.socket, "create_connection", connect)

    yield answer
    for thread in threads:
        thread.join()


def attest(policy, *, address="redis:6379"):
    return run(["attest", address, "--policy", policy, "--pcs", "http://127.0.0.1:1/"])


def test_one_that_hangs_up_is_no_verdict(peer, policy, capsys):
    peer(lambda connection: connection.close())
    assert attest(policy, address="[::1]:6379") == 3
    assert capsys.readouterr().err.startswith("error: `[::1]:6379` does not answer in TLS: ")


def test_one_that_does_not_speak_tls_is_no_verdict(peer, policy, capsys):
    def serve(connection):
        with connection, contextlib.suppress(ConnectionError):
            connection.recv(1)
            connection.sendall(b"-ERR unknown command\r\n")
            while connection.recv(4096):
                pass

    peer(serve)
    assert attest(policy) == 3
    assert capsys.readouterr().err.endswith(
        "hint: does it run, and is this its TLS port? databases may need `--starttls`\n"
    )


@pytest.mark.parametrize("failure", [ConnectionRefusedError("refused"), UnicodeError("label too long")])
def test_one_that_cannot_be_reached_is_no_verdict(monkeypatch, policy, failure):
    def connect(*_, **__):
        raise failure

    monkeypatch.setattr(peer_module.socket, "create_connection", connect)
    assert attest(policy) == 3


@pytest.mark.parametrize("der", [b"", b"\x30\x03junk", bytes(100)])
def test_a_certificate_that_is_none_is_a_no(monkeypatch, policy, capsys, der):
    stream = SimpleNamespace(getpeercert=lambda *, binary_form: der if binary_form else {})
    context = SimpleNamespace(wrap_socket=lambda *_, **__: Closing(stream))
    monkeypatch.setattr(peer_module.socket, "create_connection", lambda *_, **__: Closing(None))
    monkeypatch.setattr(peer_module.ssl, "SSLContext", lambda _: context)
    assert attest(policy) == 1
    assert capsys.readouterr().err == (
        "error: the certificate of `redis:6379` cannot be read\nhint: is this the address that you meant?\n"
    )


class Closing:
    def __init__(self, value):
        self.value = value

    def __enter__(self):
        return self.value

    def __exit__(self, *_):
        pass


def test_collateral_comes_from_one_place(policy, capsys):
    hint = "hint: give either `--pcs URL` or `--collateral FILE`\n"
    assert run(["attest", "redis:6379", "--policy", policy]) == 2
    assert capsys.readouterr().err == f"error: nobody says where the platform's collateral is\n{hint}"
    assert run(["attest", "redis:6379", "--policy", policy, "--pcs", "http://x/", "--collateral", policy]) == 2
    assert capsys.readouterr().err == f"error: collateral comes from one place\n{hint}"


@dataclass
class World:
    """A platform with an enclave on it, a server that shows whatever certificate, and files for the command."""

    directory: Path
    peer: Callable[..., None]
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    platform: SoftwarePlatform = field(default_factory=lambda: make_platform(NOW.timestamp()))

    @property
    def spki(self):
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def quote(self, report_data, **enclave):
        report = launch(self.platform, **enclave).ereport(self.platform.quoting_enclave.target_info, report_data)
        return self.platform.quote(report)

    def activated(self, **enclave):
        """Show activation evidence, as our containers do."""
        data = RuntimeData.build(
            nonce=Nonce(b"N" * 32),
            workload="redis",
            hpke_public_key=bytes(1216),
            tls_public_key=self.spki,
            server_key_hash=SERVER,
        )
        evidence = ActivationEvidence(quote=self.quote(data.report_data, **enclave), runtime_data=data.raw)
        self.show(evidence_extension(evidence))

    def show(self, extension):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), 1, NOW, NOW + dt.timedelta(days=1))
        if extension is not None:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        path = self.directory / "server.pem"
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(key + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)

        def serve(connection):
            with connection, context.wrap_socket(connection, server_side=True) as stream:
                stream.recv(1)

        self.peer(serve)

    def attest(self, *arguments, collateral=None, text=None, **policy_changes):
        text = text or policy_text(self.platform, launch(self.platform), SERVER, **policy_changes)
        (self.directory / "policy.toml").write_text(text)
        (self.directory / "collateral.json").write_text(json.dumps(collateral or self.platform.collateral(NOW)))
        files = (
            "--policy",
            str(self.directory / "policy.toml"),
            "--collateral",
            str(self.directory / "collateral.json"),
        )
        return run(["attest", "redis:6379", *files, *arguments])


@pytest.fixture
def world(peer, tmp_path):
    return World(tmp_path, peer)


def test_a_server_without_evidence_is_a_no(world, capsys):
    world.show(None)
    assert world.attest() == 1
    assert capsys.readouterr() == (
        "REFUSED: redis:6379 does not show genuine evidence\n  wrong         the certificate carries no evidence\n",
        f"error: the certificate carries no evidence\nhint: {NO_EVIDENCE}\n",
    )
    assert world.attest("--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["genuine"], said["accepted"], said["reasons"]) == (
        False,
        False,
        ["the certificate carries no evidence"],
    )


def test_a_policy_that_is_none_is_no_verdict(world, capsys):
    world.activated()
    assert world.attest(text="version = 1") == 2
    out, err = capsys.readouterr()
    assert (out, "policy does not name one of the TEEs" in err) == ("", True)


def test_what_runs_is_told_with_every_warning(world, capsys):
    world.activated()
    assert world.attest() == 0
    enclave = launch(world.platform).identity
    out, err = capsys.readouterr()
    assert err == ""
    assert out == (
        "redis:6379 is workload `redis`, and the policy accepts it\n"
        f"  what runs     MRENCLAVE {enclave.mr_enclave}\n"
        f"  signed by     MRSIGNER  {enclave.mr_signer}, product 7, version 3\n"
        f"  provisioned   as workload `redis` by the key server {SERVER}\n"
        "  platform      software in place of Intel SGX, FMSPC ca1550000000, vouched for by "
        "`Caisson Software SGX Root CA (protects nothing)`\n"
        "  TCB           UpToDate, TCB date 2026-01-14\n"
        f"  certificate   from {NOW:%Y-%m-%d %H:%M} until {NOW + dt.timedelta(days=1):%Y-%m-%d %H:%M} UTC\n"
        f"  holds until   {NOW + dt.timedelta(days=1):%Y-%m-%d %H:%M} UTC\n"
        "  warning       the root is not the vendor's: a software platform protects nothing\n"
    )


def test_the_same_is_told_as_json(world, capsys):
    world.activated()
    assert world.attest("--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["version"], said["evidence"], said["workload"]) == (1, "activation", "redis")
    assert (said["accepted"], said["debug"], said["hardware"], said["key_server"]) == (True, False, False, str(SERVER))
    begins = NOW.replace(microsecond=0)
    ends = begins + dt.timedelta(days=1)
    assert said["certificate"] == {"begins": begins.isoformat(), "ends": ends.isoformat()}
    assert said["expires"] == ends.isoformat()


def test_what_the_policy_does_not_accept_is_shown_with_everything_that_is_wrong(world, capsys):
    """Whoever is refused has to see what is there, not only that it is not what it should be."""
    world.activated(program="another", attributes=DEBUG)
    assert world.attest(key_servers=[]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("REFUSED: redis:6379 is not what the policy accepts\n  what runs     MRENCLAVE ")
    assert "\n  platform      software in place of Intel SGX, FMSPC " in out
    for reason in ("enclave is a debug enclave", "enclave is none of those accepted", f"key server is {SERVER}"):
        assert f"\n  wrong         {reason}" in out
    assert "debugging is on" not in out  # a reason says so
    assert err.startswith("error: the policy does not accept it, for 3 reasons\nhint: ")


def test_evidence_that_is_not_genuine_is_a_no(world, capsys):
    world.activated()
    assert world.attest(collateral=make_platform(NOW.timestamp()).collateral(NOW)) == 1
    out, err = capsys.readouterr()
    assert out.startswith("REFUSED: redis:6379 does not show genuine evidence\n  wrong         ")
    assert err.startswith("error: ")


def test_another_kind_of_evidence_names_no_workload_and_no_key_server(world, capsys):
    claims = cbor2.dumps({"colour": b"blue", "pubkey-hash": cbor2.dumps([1, sha256(world.spki).digest()])})
    quote = world.quote(ReportData(sha256(claims).digest().ljust(64, b"\0")))
    world.show(x509.UnrecognizedExtension(OID, write_tagged(TAG, quote, claims)))
    assert world.attest(key_servers=[]) == 0
    said = capsys.readouterr().out
    assert said.startswith("redis:6379 is an enclave with RA-TLS, and the policy accepts it\n")
    assert "by nobody whom this evidence names" in said
    assert world.attest("--json", key_servers=[]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["evidence"], said["claims"]) == ("ra-tls", ["colour"])
    assert "workload" not in said


def test_a_trust_domain_is_told_by_its_registers(world, capsys):
    bound = ReportData(sha256(world.spki).digest().ljust(64, b"\0"))
    scene = DomainScene.on(world.platform, domain(report_data=bound))
    world.show(x509.UnrecognizedExtension(x509.ObjectIdentifier(LEGACY_OID), scene.quote))
    text = TDX_POLICY.format(root=world.platform.provisioning.root.pem, mrtd=scene.body.mr_td)
    assert world.attest("--json", collateral=scene.collateral, text=text) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["tee"], said["mrtd"], said["rtmrs"], said["claims"]) == ("tdx", "00" * 48, ["00" * 48] * 4, None)
    assert world.attest(collateral=scene.collateral, text=text) == 0
    assert capsys.readouterr().out.startswith("redis:6379 is a trust domain with RA-TLS, and the policy accepts it\n")


def test_a_policy_for_guests_of_amd_is_a_mistake(tmp_path, capsys):
    path = tmp_path / "policy.toml"
    path.write_text(SNP_POLICY)
    assert attest(str(path)) == 2
    assert "this policy is for SEV-SNP" in capsys.readouterr().err
