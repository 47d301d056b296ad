"""`caisson attest`, with a TLS server at the other end of a socket pair."""

import contextlib
import datetime as dt
import json
import socket
import ssl
import threading
from dataclasses import fields, replace
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from caisson.cli import attest as attest_module
from caisson.cli import peer as peer_module
from caisson.cli.app import run
from caisson.errors import PolicyRejected
from caisson.evidence import Claims, TcbStatus, VerifiedActivation, VerifiedRaTls, VerifiedTd
from caisson.tdx import MrTd, TdAttributes, TdBody

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


@pytest.fixture
def plain_server(tmp_path):
    """Speaks TLS, and has a certificate without evidence."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plain")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)

    def serve(connection):
        with connection, context.wrap_socket(connection, server_side=True) as stream:
            stream.recv(1)

    return serve


def attest(policy, *, address="redis:6379"):
    return run(["attest", address, "--policy", policy, "--pcs", "http://127.0.0.1:1/"])


def test_a_server_without_evidence_is_a_no(peer, plain_server, policy, capsys):
    peer(plain_server)
    assert attest(policy) == 1
    assert capsys.readouterr() == (
        "",
        "error: the certificate carries no evidence\nhint: is this a confidential container's own TLS port?\n",
    )


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


@pytest.fixture
def verified(monkeypatch):
    """A server whose evidence is genuine."""
    report = SimpleNamespace(mr_enclave="e0", mr_signer="s0", isv_prod_id=17, isv_svn=1)
    tcb = SimpleNamespace(status=TcbStatus.UP_TO_DATE, advisories=("INTEL-SA-1",))
    quote = SimpleNamespace(
        report=report,
        debug=True,
        root="r0",
        root_name="a root",
        on_hardware=False,
        tcb=tcb,
        pck=SimpleNamespace(fmspc="f0"),
        expires=dt.datetime(2030, 1, 2, tzinfo=dt.UTC),
    )
    runtime_data = SimpleNamespace(workload="redis", server_key_hash="k0")
    window = (dt.datetime(2029, 12, 31, 11, 55, tzinfo=dt.UTC), dt.datetime(2030, 1, 1, 11, 55, tzinfo=dt.UTC))
    certificate = SimpleNamespace(validity=SimpleNamespace(begins=window[0], ends=window[1]))
    activation = VerifiedActivation(quote=quote, runtime_data=runtime_data)
    monkeypatch.setattr(attest_module, "peer_certificate", lambda *_: certificate)
    monkeypatch.setattr(attest_module.CollateralSource, "get", lambda *_, **__: "collateral")
    monkeypatch.setattr(attest_module, "quote_of", lambda _: "quote")
    monkeypatch.setattr(attest_module, "verify_peer", lambda *_, **__: activation)
    return activation


@pytest.mark.usefixtures("verified")
def test_what_runs_is_told_with_every_warning(policy, capsys):
    assert attest(policy, address="[::1]:6379") == 0
    assert capsys.readouterr().out == (
        "[::1]:6379 is workload `redis`, and the policy accepts it\n"
        "  what runs     MRENCLAVE e0\n"
        "  signed by     MRSIGNER  s0, product 17, version 1\n"
        "  provisioned   by the key server k0\n"
        "  platform      UpToDate (INTEL-SA-1), vouched for by `a root`\n"
        "  certificate   from 2029-12-31 11:55 until 2030-01-01 11:55 UTC\n"
        "  warning       a debug enclave: whoever runs it can read its memory\n"
        "  warning       not Intel's hardware: a software platform protects nothing\n"
    )


@pytest.mark.usefixtures("verified")
def test_the_same_is_told_as_json(policy, capsys):
    assert run(["attest", "redis:6379", "--policy", policy, "--pcs", "http://127.0.0.1:1/", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["version"], said["workload"], said["debug"], said["hardware"]) == (1, "redis", True, False)
    assert said["expires"] == "2030-01-02T00:00:00+00:00"
    assert said["certificate"] == {"begins": "2029-12-31T11:55:00+00:00", "ends": "2030-01-01T11:55:00+00:00"}


@pytest.mark.usefixtures("verified")
def test_what_the_policy_does_not_accept_is_a_no(policy, capsys, monkeypatch):
    def refuse(*_, at):
        raise PolicyRejected(("mrenclave is another",), hint=f"{at.year > 0}")

    monkeypatch.setattr(attest_module, "verify_peer", refuse)
    assert attest(policy) == 1
    assert capsys.readouterr() == ("", "error: policy: mrenclave is another\nhint: True\n")


def test_another_kind_of_evidence_names_no_workload_and_no_key_server(policy, capsys, monkeypatch, verified):
    claims = Claims(raw=b"", algorithm=1, key_hash=b"", nonce=None, others=("colour",))
    other = VerifiedRaTls(quote=verified.quote, claims=claims)
    monkeypatch.setattr(attest_module, "verify_peer", lambda *_, **__: other)
    assert attest(policy) == 0
    said = capsys.readouterr().out
    assert said.startswith("redis:6379 is an enclave with RA-TLS, and the policy accepts it\n")
    assert "by nobody whom this evidence names" in said
    assert run(["attest", "redis:6379", "--policy", policy, "--pcs", "http://127.0.0.1:1/", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["evidence"], said["claims"]) == ("ra-tls", ["colour"])
    assert "workload" not in said


def test_a_trust_domain_is_told_by_its_registers(policy, capsys, monkeypatch, verified):
    parsed = TdBody.parse(bytes(TdBody.size()))
    body = replace(parsed, mr_td=MrTd(b"\xaa" * 48), td_attributes=TdAttributes(b"\1" + bytes(7)))
    seen = {field.name: getattr(verified.quote, field.name, None) for field in fields(VerifiedTd)}
    other = VerifiedRaTls(quote=OnSoftware(**seen | {"body": body}), claims=None)
    monkeypatch.setattr(attest_module, "verify_peer", lambda *_, **__: other)
    assert attest(policy) == 0
    said = capsys.readouterr().out
    assert said.startswith("redis:6379 is a trust domain with RA-TLS, and the policy accepts it\n")
    assert f"\n  what runs     MRTD  {'aa' * 48}\n                RTMR0 {'00' * 48}\n" in said
    assert "a debug domain: whoever runs it can read its memory" in said
    assert run(["attest", "redis:6379", "--policy", policy, "--pcs", "http://127.0.0.1:1/", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["mrtd"], told["rtmrs"], told["claims"]) == ("aa" * 48, ["00" * 48] * 4, None)


class OnSoftware(VerifiedTd):
    on_hardware = False


def test_a_policy_for_guests_of_amd_is_a_mistake(tmp_path, capsys):
    path = tmp_path / "policy.toml"
    path.write_text(SNP_POLICY)
    assert attest(str(path)) == 2
    assert "this policy is for SEV-SNP" in capsys.readouterr().err
