"""Real RA-TLS certificates of Gramine, RATS-TLS and Intel's SDK: the Confidential Computing Consortium's samples."""

import base64
import json
from datetime import UTC, datetime

import pytest

from caisson.errors import BindingRejected, Expired, PolicyRejected
from caisson.evidence import (
    INTEL_SGX_ROOT,
    Certificate,
    Collateral,
    EnclaveRule,
    Policy,
    RaTlsEvidence,
    TcbStatus,
    quote_of,
    verify_ra_tls,
)
from caisson.evidence.binding.ra_tls import LEGACY_OID, SDK_OID
from caisson.evidence.binding.tagged import OID
from caisson.sgx import Quote

ANYTHING = frozenset(set(TcbStatus) - {TcbStatus.REVOKED, TcbStatus.NOT_SUPPORTED})


@pytest.fixture(scope="module")
def directory(vectors):
    return vectors / "evidence" / "ccc-interop-ra-tls"


@pytest.fixture(scope="module")
def read(directory):
    def read(name):
        lines = (directory / "ra-tls-certs" / f"{name}-cert.pem").read_text().split()
        text = "".join(lines).removeprefix("-----BEGINCERTIFICATE-----").removesuffix("-----ENDCERTIFICATE-----")
        return Certificate.parse(base64.b64decode(text, validate=True))

    return read


@pytest.fixture(scope="module")
def bundle(directory):
    """Give the collateral that belongs to a quote, and a time in which all of it is valid."""
    manifest = json.loads((directory.parent / "MANIFEST.json").read_bytes())

    def bundle(quote, number=0):
        found = next(
            entry
            for entry in manifest["quotes"]
            if entry["id"].startswith(directory.name)
            and (directory.parent / entry["id"] / "quote.bin").read_bytes() == quote
        )
        chosen = found["bundles"][number]
        path = directory.parent / found["id"] / chosen["collateral"]
        return Collateral.parse(path.read_bytes()), datetime.fromtimestamp(chosen["time"], UTC)

    return bundle


def policy_for(quote, **changes):
    body = Quote.parse(quote).body
    accepted = {
        "roots": frozenset({INTEL_SGX_ROOT}),
        "tcb_statuses": ANYTHING,
        "advisories": frozenset(f"INTEL-SA-{number:05}" for number in range(2000)),
        "allow_debug": True,
        "minimum_tcb_evaluation_data_number": 0,
        "key_servers": frozenset(),
        "enclaves": (EnclaveRule(mr_enclave=body.mr_enclave),),
    }
    return Policy(**accepted | changes)


@pytest.mark.parametrize(
    ("name", "where"),
    [("gramine", [OID, LEGACY_OID]), ("rats-tls", [OID]), ("intel-sgxsdk", [OID, SDK_OID])],
)
def test_claims_and_key_fit(read, name, where):
    evidence = RaTlsEvidence.of(read(name))
    assert [bound.where for bound in evidence.quotes] == where
    for bound in evidence.quotes:
        assert Quote.parse(bound.quote).body.report_data == bound.report_data


def test_claims_of_the_program_are_listed(read):
    assert RaTlsEvidence.of(read("rats-tls")).claims.others == ("key_0", "key_1")


def test_gramines_certificate_is_verified_with_both_its_quotes(read, bundle):
    certificate = read("gramine")
    quote = quote_of(certificate)
    collateral, at = bundle(quote)
    verified = verify_ra_tls(certificate, collateral, policy_for(quote), at=at)
    assert verified.quote.on_hardware
    assert verified.quote.report == Quote.parse(quote).body


def test_a_certificate_that_was_good_is_so_no_longer(read, bundle):
    certificate = read("rats-tls")
    quote = quote_of(certificate)
    collateral, at = bundle(quote, 1)
    assert verify_ra_tls(certificate, collateral, policy_for(quote), at=at).quote.tcb.status is TcbStatus.OUT_OF_DATE
    collateral, at = bundle(quote)
    with pytest.raises(Expired, match="RATS-TLS"):
        verify_ra_tls(certificate, collateral, policy_for(quote), at=at)


def test_the_policy_is_asked(read, bundle):
    certificate = read("gramine")
    quote = quote_of(certificate)
    collateral, at = bundle(quote)
    with pytest.raises(PolicyRejected):
        verify_ra_tls(certificate, collateral, policy_for(quote, enclaves=()), at=at)


def test_somebody_elses_key_is_refused(read, bundle):
    certificate = read("gramine")
    quote = quote_of(certificate)
    collateral, at = bundle(quote)
    stolen = certificate._replace(spki=read("intel-sgxsdk").spki)
    with pytest.raises(BindingRejected):
        verify_ra_tls(stolen, collateral, policy_for(quote), at=at)
