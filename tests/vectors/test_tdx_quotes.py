"""Real quotes of trust domains: the verdicts are the manifest's, every forgery is refused, another verifier agrees."""

from datetime import UTC, datetime

import pytest

from caisson.errors import (
    EvidenceRejected,
    Expired,
    Malformed,
    NotYetValid,
    PlatformMismatch,
    QuoteRejected,
    QuoteSignatureRejected,
    UntrustedRoot,
)
from caisson.evidence import Collateral, RootKey, VerifiedTd, verify_intel_quote, verify_quote
from tests.vectors import test_sgx_quotes as sgx

QUOTES = {quote["id"]: quote for quote in sgx.MANIFEST.get("quotes", []) if quote["tee"] == "TDX"}
BUNDLES = [(name, bundle) for name, quote in QUOTES.items() for bundle in quote["bundles"]]
MUTANTS = [mutant for mutant in sgx.MUTATIONS if mutant["base"] in QUOTES]
OF_BUNDLES = pytest.mark.parametrize(
    ("name", "bundle"), BUNDLES, ids=lambda value: value if isinstance(value, str) else None
)

# Where a trust domain's forgery is found at another step than an enclave's, or has no like there.
REFUSED_AT = sgx.REFUSED_AT | {
    "quote.hdr.tee_type": Malformed,
    "quote.body.size": Malformed,
    "quote.body.type": Malformed,
    "quote.sig.outer_cert_size": Malformed,
    "quote.sig.outer_cert_type": Malformed,
}

pytestmark = sgx.pytestmark


def verify(quote, collateral, seconds, roots=sgx.INTEL):
    return verify_intel_quote(quote, Collateral.parse(collateral), roots=roots, at=sgx.moment(seconds))


def test_there_are_vectors():
    assert len(QUOTES) == 17
    assert {quote["quote_version"] for quote in QUOTES.values()} == {4, 5}
    assert len(MUTANTS) > 60


@OF_BUNDLES
def test_a_real_quote_has_the_verdict_of_the_manifest(name, bundle):
    expected, structure = bundle["expected"], QUOTES[name]["structure"]
    verified = verify(*sgx.read(name, bundle["collateral"]), bundle["time"])
    assert isinstance(verified, VerifiedTd)
    assert verified.tcb.status == expected["tcb_status"]
    assert list(verified.tcb.advisories) == (expected["advisory_ids"] or [])
    assert verified.debug is expected["debug"]
    if expected["current_tcb_status"] is not None:
        assert verified.current_tcb.status == expected["current_tcb_status"]
    assert str(verified.body.mr_td) == structure["mr_td"]
    assert str(verified.pck.fmspc) == QUOTES[name]["fmspc"].lower()
    assert verified.tcb_evaluation_data_number == min(bundle["tcb_eval"], bundle["qe_eval"])
    assert verified.on_hardware


@OF_BUNDLES
def test_the_argument_holds_exactly_as_long_as_its_parts(name, bundle):
    quote, collateral = sgx.read(name, bundle["collateral"])
    assert verify(quote, collateral, bundle["valid_from"]).expires == datetime.fromtimestamp(bundle["valid_to"], UTC)
    with pytest.raises(Expired):
        verify(quote, collateral, bundle["valid_to"] + 1)
    with pytest.raises(NotYetValid):
        verify(quote, collateral, bundle["valid_from"] - 1)


@OF_BUNDLES
def test_it_is_no_enclaves_quote_and_not_genuine_under_another_root(name, bundle):
    quote, collateral = sgx.read(name, bundle["collateral"])
    with pytest.raises(QuoteRejected, match="trust domain"):
        verify_quote(quote, Collateral.parse(collateral), roots=sgx.INTEL, at=sgx.moment(bundle["time"]))
    with pytest.raises(UntrustedRoot):
        verify(quote, collateral, bundle["time"], roots=frozenset({RootKey(bytes(32))}))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant["id"])
def test_a_forgery_is_refused_at_its_own_step(mutant):
    quote, collateral, seconds = sgx.mutated(mutant)
    name = mutant["mutation"]
    if name in sgx.ACCEPTED:
        assert verify(quote, collateral, seconds).on_hardware
        return
    with pytest.raises((Malformed, EvidenceRejected)) as caught:
        verify(quote, collateral, seconds)
    if name == "quote.foreign_pck_chain":  # one such chain is of another platform, the other no chain at all
        assert caught.type in (Malformed, PlatformMismatch)
    elif name.startswith(("quote.td.", "quote.td15.")):
        assert caught.type is QuoteSignatureRejected
    else:
        assert caught.type is REFUSED_AT[name]
