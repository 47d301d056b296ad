"""Activation evidence: a quote, and the runtime data it vouches for (docs/reference/protocol.md, step 2)."""

from dataclasses import dataclass
from datetime import datetime

from caisson.errors import BindingRejected, Expired, PolicyRejected
from caisson.evidence.appraisal import EXPLAINED, mismatches
from caisson.evidence.binding.extension import evidence_of
from caisson.evidence.certificate import Certificate
from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.intel.verified import VerifiedQuote
from caisson.evidence.intel.verify import check_own_signatures, check_signatures, verify_quote
from caisson.evidence.policy import Policy
from caisson.evidence.roots import RootKey
from caisson.evidence.validity import Validities
from caisson.protocol import ActivationEvidence, RuntimeData, report_data_of
from caisson.sgx import ReportData


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedActivation:
    """Genuine evidence that a policy accepts, and everything that it vouches for."""

    quote: VerifiedQuote
    runtime_data: RuntimeData


def verify_activation(
    evidence: ActivationEvidence, collateral: Collateral, policy: Policy, *, at: datetime
) -> VerifiedActivation:
    """Verify and appraise activation evidence.

    1. The quote is genuine, under one of the policy's roots.
    2. It vouches for exactly these runtime data; only now are they read.
    3. The policy accepts platform, enclave, and the server that provisioned it.

    Raises:
        Malformed: a part that is not well-formed.
        EvidenceRejected: 1, one of its kinds for each step.
        BindingRejected: 2.
        PolicyRejected: 3, with every mismatch.
    """
    # 1. The quote.
    quote = verify_quote(evidence.quote, collateral, roots=policy.roots, at=at)
    # 2. The binding.
    _require_bound(quote.report.report_data, evidence)
    runtime_data = RuntimeData.parse(evidence.runtime_data)
    # 3. The policy.
    reasons = mismatches(quote, policy)
    if runtime_data.server_key_hash not in policy.key_servers:
        reasons += (f"key server is {runtime_data.server_key_hash}, which is not accepted",)
    if reasons:
        raise PolicyRejected(reasons, hint=EXPLAINED)
    return VerifiedActivation(quote=quote, runtime_data=runtime_data)


def check_activation(
    evidence: ActivationEvidence, *, roots: frozenset[RootKey], at: datetime, chain: bytes | None = None
) -> None:
    """Check what activation evidence shows without collateral; nothing is verified by that. See `check_signatures`.

    Raises:
        Malformed: not a quote.
        EvidenceRejected: one of its kinds for each step.
        BindingRejected: the quote is about other runtime data, as one is that was seen somewhere.
    """
    _require_bound(check_signatures(evidence.quote, roots=roots, at=at, chain=chain), evidence)


def check_own_activation(evidence: ActivationEvidence) -> None:
    """Check what activation evidence shows before its PCK's chain is there. See `check_own_signatures`.

    Raises:
        Malformed: not a quote.
        EvidenceRejected: one of its kinds for each step.
        BindingRejected: the quote is about other runtime data.
    """
    _require_bound(check_own_signatures(evidence.quote), evidence)


def _require_bound(report_data: ReportData, evidence: ActivationEvidence) -> None:
    if report_data != report_data_of(evidence.runtime_data):
        raise BindingRejected("the quote does not vouch for these runtime data")


def verify_certificate(
    certificate: Certificate, collateral: Collateral, policy: Policy, *, at: datetime
) -> VerifiedActivation:
    """Verify and appraise the evidence in a certificate, and that it is about the certificate's own key.

    Whoever no longer gets a new certificate from the key server shall not go on with an old one, so its time counts.

    Raises:
        NotYetValid, Expired: the certificate is not of this time.
        Malformed: no evidence, or evidence that is not well-formed.
        BindingRejected: the evidence is about another key.
        Rejected: as `verify_activation`.
    """
    try:
        Validities.of([certificate.validity]).require(at)
    except Expired as error:
        raise Expired(error.message, hint="start the container again: it activates anew, for a new one") from None
    verified = verify_activation(evidence_of(certificate), collateral, policy, at=at)
    if certificate.spki != verified.runtime_data.tls_public_key:
        raise BindingRejected("the evidence in the certificate is about another key")
    return verified
