"""`caisson evidence inspect`: all that is there, and nothing of it believed."""

import datetime as dt
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from caisson.cli.app import run
from caisson.evidence import EVIDENCE_FORMS, evidence_extension
from caisson.protocol import ActivationEvidence, Nonce, RuntimeData, ServerKeyHash
from tests.guest import Guest, launch, make_platform

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def guest():
    platform = make_platform(NOW.timestamp())
    return Guest(platform=platform, enclave=launch(platform))


@pytest.fixture(scope="module")
def activation(guest):
    data = RuntimeData.build(
        nonce=Nonce(b"N" * 32),
        workload="redis",
        hpke_public_key=guest.hpke_public_key,
        tls_public_key=guest.tls_public_key,
        server_key_hash=ServerKeyHash(b"S" * 32),
    )
    return guest.quote(data)


@pytest.fixture
def inspect(tmp_path, capsys):
    def inspect(raw, *options):
        path = tmp_path / "evidence"
        path.write_bytes(raw)
        code = run(["evidence", "inspect", str(path), *options])
        out, err = capsys.readouterr()
        return code, out, err

    return inspect


def test_a_quote_is_shown_as_not_verified(inspect, activation, guest):
    forged = bytearray(activation.quote)
    forged[440] ^= 1
    code, out, _ = inspect(bytes(forged))
    assert code == 0
    assert out.startswith("quote, not verified\n")
    assert str(guest.enclave.identity.mr_enclave) in out
    assert "`Caisson Software SGX Root CA (protects nothing)`" in out
    said = json.loads(inspect(bytes(forged), "--json", "--bytes")[1])
    assert (said["version"], said["verified"], said["form"]) == (1, False, "quote")
    assert said["fields"]["ISVPRODID"] == 7
    assert sum(part["size"] for part in said["bytes"]) == len(forged)


def test_activation_evidence_shows_what_it_says_about_itself(inspect, activation):
    code, out, _ = inspect(activation.encode())
    assert (code, f"runtime data: workload redis, nonce {'4e' * 32}, key_server {'53' * 32}" in out) == (0, True)
    odd = ActivationEvidence(quote=activation.quote, runtime_data=b"junk")
    said = json.loads(inspect(odd.encode(), "--json")[1])
    assert said["runtime_data"] is None


def test_a_certificate_is_looked_into(inspect, activation, guest):
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, guest.tls.public_key(), 1, NOW, NOW + dt.timedelta(days=1))
    ours = builder.add_extension(evidence_extension(activation), critical=False).sign(guest.tls, SHA256())
    code, out, _ = inspect(ours.public_bytes(Encoding.PEM))
    assert (code, "certificate: subject , issuer , from 2026-11-23T12:00:00+00:00" in out) == (0, True)
    assert f"runtime data: workload redis, nonce {'4e' * 32}, key_server {'53' * 32}" in out
    code, _, err = inspect(builder.sign(guest.tls, SHA256()).public_bytes(Encoding.DER))
    assert (code, "carries no evidence" in err) == (1, True)


def test_a_real_ra_tls_certificate_names_its_extensions(inspect, vectors):
    pem = (vectors / "evidence" / "ccc-interop-ra-tls" / "ra-tls-certs" / "rats-tls-cert.pem").read_bytes()
    code, out, _ = inspect(pem)
    assert (code, "  extensions: 2.23.133.5.4.9\n  claims: pubkey-hash, key_0, key_1\n" in out) == (0, True)


def test_a_report_is_shown_too(inspect):
    code, out, _ = inspect(b"\3".ljust(1184, b"\0"), "--bytes")
    assert (code, out.startswith("snp-report, not verified\n")) == (0, True)
    assert "   144     48  measurement" in out


def test_a_chain_that_cannot_be_read_is_no_reason_to_show_nothing(inspect, activation):
    broken = activation.quote.replace(b"-----BEGIN CERTIFICATE-----", b"-----BEGIN CERTIFICATF-----")
    code, out, _ = inspect(broken)
    assert (code, "certificate " in out) == (0, False)


@pytest.mark.parametrize("raw", [b"", b"junk", b"{}", b"\x30\x82"])
def test_what_is_no_evidence_is_a_no(inspect, raw):
    assert inspect(raw)[0] == 1


def test_what_is_no_evidence_is_told_what_is(inspect):
    for other in (b"", bytes(1184), b"no evidence, but a letter"):
        code, out, err = inspect(other)
        assert (code, out) == (1, "")
        assert err.endswith(f"hint: {EVIDENCE_FORMS}\n")
