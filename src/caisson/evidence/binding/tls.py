"""What stands behind a TLS certificate: activation evidence of ours, or another's RA-TLS evidence."""

from dataclasses import dataclass, replace
from datetime import datetime

from caisson.errors import BindingRejected, Malformed, PolicyRejected, UsageError
from caisson.evidence.appraisal import EXPLAINED, mismatches
from caisson.evidence.binding import extension, ra_tls, tagged
from caisson.evidence.binding.activation import VerifiedActivation, verify_certificate
from caisson.evidence.binding.ra_tls import Claims, RaTlsEvidence
from caisson.evidence.certificate import Certificate
from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.intel.verified import VerifiedQuote, VerifiedTd
from caisson.evidence.intel.verify import verify_intel_quote
from caisson.evidence.policy import Policy, TdxPolicy
from caisson.evidence.validity import Validities
from caisson.sgx import ReportData

_NOTHING = ReportData(bytes(ReportData.SIZE))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRaTls:
    """Genuine RA-TLS evidence that a policy accepts: the enclave or domain of `quote` holds the certificate's key."""

    quote: VerifiedQuote | VerifiedTd
    claims: Claims | None


def quote_of(certificate: Certificate) -> bytes:
    """Give the quote that a certificate carries, in whichever form, so that its collateral can be fetched.

    Raises:
        Malformed: there is none, or it is not well-formed.
        BindingRejected: it is about another key.
    """
    if _is_ours(certificate):
        return extension.evidence_of(certificate).quote
    return RaTlsEvidence.of(certificate).quotes[0].quote


def verify_peer(
    certificate: Certificate, collateral: Collateral, policy: Policy | TdxPolicy, *, at: datetime
) -> VerifiedActivation | VerifiedRaTls:
    """Verify and appraise the evidence in a TLS certificate, in whichever form it is.

    Raises:
        Rejected: as `verify_certificate` and `verify_ra_tls`.
        UsageError: it is activation evidence, which enclaves give, and the policy is for trust domains.
    """
    if _is_ours(certificate):
        if not isinstance(policy, Policy):
            raise UsageError("activation evidence is an enclave's, and this policy is for trust domains")
        return verify_certificate(certificate, collateral, policy, at=at)
    return verify_ra_tls(certificate, collateral, policy, at=at)


def verify_ra_tls(
    certificate: Certificate, collateral: Collateral, policy: Policy | TdxPolicy, *, at: datetime
) -> VerifiedRaTls:
    """Verify and appraise RA-TLS evidence. That somebody holds the certificate's key is for the handshake to show.

    1. The certificate is valid at `at`.
    2. It carries evidence; claims, if there are any, name the certificate's key.
    3. Each quote is genuine, under one of the policy's roots.
    4. Each vouches for the claims, or in the older form for the key, with all 64 bytes of its report data.
    5. All are of one enclave, or one trust domain, on one platform.
    6. The policy accepts platform and enclave or domain, and does not ask who provisioned it: this evidence cannot say.

    Raises:
        NotYetValid, Expired: 1.
        Malformed: 2, or a part that is not well-formed.
        EvidenceRejected: 3, one of its kinds for each step.
        BindingRejected: 2, 4 and 5.
        PolicyRejected: 6, with every mismatch.
    """
    # 1. The clock.
    Validities.of([certificate.validity]).require(at)
    # 2. What there is.
    evidence = RaTlsEvidence.of(certificate)
    verified = []
    for bound in evidence.quotes:
        # 3. The quote.
        quote = verify_intel_quote(bound.quote, collateral, roots=policy.roots, at=at)
        # 4. The binding.
        if quote.report_data != bound.report_data:
            raise BindingRejected(f"the quote in extension {bound.where} is about another key")
        verified.append(quote)
    # 5. One story.
    first, *others = verified
    for other in others:
        if _who(other) != _who(first):
            raise BindingRejected(
                "the certificate carries quotes of two enclaves or domains, or of two platforms, "
                "which cannot both hold its key"
            )
    # 6. The policy.
    reasons = mismatches(first, policy)
    if isinstance(policy, Policy) and policy.key_servers:
        reasons += ("RA-TLS evidence names no key server, and the policy accepts certain ones only",)
    if reasons:
        raise PolicyRejected(reasons, hint=EXPLAINED)
    return VerifiedRaTls(quote=first, claims=evidence.claims)


def _who(quote: VerifiedQuote | VerifiedTd) -> object:
    quoted = quote.report if isinstance(quote, VerifiedQuote) else quote.body
    return replace(quoted, report_data=_NOTHING), quote.pck


def _is_ours(certificate: Certificate) -> bool:
    value = certificate.extensions.get(tagged.OID)
    if value is None and ra_tls.LEGACY_OID not in certificate.extensions:
        raise Malformed("the certificate carries no evidence", hint=tagged.NO_EVIDENCE)
    # Everything that is not RA-TLS is read as ours, so that there is one answer to what is neither.
    ours = value is not None and tagged.tag_of(value) != ra_tls.TAG
    if ours and ra_tls.LEGACY_OID in certificate.extensions:
        raise BindingRejected("the certificate carries evidence of two kinds, of which only one could be checked")
    return ours
