"""One look at evidence in whichever form: is it genuine, and what does the policy say?"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from caisson.errors import PolicyRejected, Rejected, UsageError
from caisson.evidence.activation import VerifiedActivation, verify_activation
from caisson.evidence.appraisal import appraise
from caisson.evidence.certificate import Certificate
from caisson.evidence.collateral import Collateral
from caisson.evidence.forms import Evidence, EvidenceForm
from caisson.evidence.policy import AnyPolicy, Policy, SnpPolicy, TdxPolicy
from caisson.evidence.result import AttestationResult
from caisson.evidence.roots import RootKey
from caisson.evidence.snp.collateral import SnpCollateral
from caisson.evidence.snp.verify import verify_snp
from caisson.evidence.tls import VerifiedRaTls, verify_peer
from caisson.evidence.verified import VerifiedQuote, VerifiedTd
from caisson.evidence.verify import verify_intel_quote

_TEES: dict[type[AnyPolicy], str] = {Policy: "SGX", TdxPolicy: "TDX", SnpPolicy: "SEV-SNP"}
_EVIDENCE: dict[type[AnyPolicy], str] = {
    Policy: "an enclave's",
    TdxPolicy: "a trust domain's",
    SnpPolicy: "an SNP report",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of evidence: whether it is what `policy` accepts, or without one, whether it is genuine.

    `roots` are those whose word counts where there is no policy.
    """

    policy: AnyPolicy | None
    roots: frozenset[RootKey]
    at: datetime


def examine(evidence: Evidence, collateral: Collateral | SnpCollateral, question: Question) -> AttestationResult:
    """Verify evidence, ask the policy, and say both.

    Activation evidence and certificates need a policy: they are about more than a platform and an enclave.

    Raises:
        UsageError: collateral of another kind, no policy where one is needed, or one where none can be.
    """
    policy, at = question.policy, question.at
    try:
        if evidence.form is EvidenceForm.SNP_REPORT:
            return _snp(evidence, collateral, question)
        if not isinstance(collateral, Collateral):
            raise UsageError("a quote needs a quote's collateral, and this is an SNP report's")
        if evidence.form is not EvidenceForm.QUOTE and policy is None:
            raise UsageError(
                "activation evidence and certificates need a policy", hint="it says who may have provisioned them"
            )
        if isinstance(policy, SnpPolicy):
            raise UsageError("this policy is for SEV-SNP, and the evidence is a quote")
        roots = question.roots if policy is None else policy.roots
        verified = verify_intel_quote(evidence.quote, collateral, roots=roots, at=at)
        _require_same_tee(policy, TdxPolicy if isinstance(verified, VerifiedTd) else Policy)
        certificate = evidence.certificate
        more = {} if certificate is None else _shown(certificate)
        refusal = None
        if policy is not None:
            try:
                more |= _appraise(evidence, verified, collateral, policy)
            except PolicyRejected as error:
                refusal = error
        result = AttestationResult.of(verified, policy=policy, refusal=refusal, more=more)
        return result if certificate is None else replace(result, expires=_first_end(verified, certificate))
    except Rejected as error:
        return AttestationResult.refused(error, policy=policy, at=at)


def _require_same_tee(policy: AnyPolicy | None, kind: type[AnyPolicy]) -> None:
    if policy is not None and not isinstance(policy, kind):
        raise UsageError(f"this policy is for {_TEES[type(policy)]}, and the evidence is {_EVIDENCE[kind]}")


def _appraise(
    evidence: Evidence, verified: VerifiedQuote | VerifiedTd, collateral: Collateral, policy: AnyPolicy
) -> dict[str, Any]:
    """Ask the policy; give what is known then, beyond the quote."""
    at = verified.verified_at
    if isinstance(policy, Policy | TdxPolicy) and evidence.certificate is not None:
        peer = verify_peer(evidence.certificate, collateral, policy, at=at)
        return _provisioned(peer) if isinstance(peer, VerifiedActivation) else _claimed(peer)
    if isinstance(policy, Policy) and evidence.activation is not None:
        return _provisioned(verify_activation(evidence.activation, collateral, policy, at=at))
    if evidence.form is not EvidenceForm.QUOTE:
        # What an activation binds to its quote is checked for enclaves only.
        raise UsageError("activation evidence is appraised for SGX only")
    appraise(verified, policy)
    return {}


def _first_end(verified: VerifiedQuote | VerifiedTd, certificate: Certificate) -> datetime:
    return min(verified.expires, certificate.validity.ends)


def _shown(certificate: Certificate) -> dict[str, Any]:
    window = certificate.validity
    return {"certificate": {"begins": window.begins.isoformat(), "ends": window.ends.isoformat()}}


def _provisioned(activation: VerifiedActivation) -> dict[str, Any]:
    data = activation.runtime_data
    return {"evidence": "activation", "workload": data.workload, "key_server": str(data.server_key_hash)}


def _claimed(peer: VerifiedRaTls) -> dict[str, Any]:
    return {"evidence": "ra-tls", "claims": None if peer.claims is None else list(peer.claims.others)}


def _snp(evidence: Evidence, collateral: Collateral | SnpCollateral, question: Question) -> AttestationResult:
    if not isinstance(collateral, SnpCollateral):
        raise UsageError("an SNP report needs an SNP report's collateral, and this is a quote's")
    policy = question.policy
    _require_same_tee(policy, SnpPolicy)
    roots = question.roots if policy is None else policy.roots
    verified = verify_snp(
        evidence.raw, collateral.vek, collateral.chain, crl=collateral.crl, roots=roots, at=question.at
    )
    refusal = None
    if policy is not None:
        try:
            appraise(verified, policy)
        except PolicyRejected as error:
            refusal = error
    return AttestationResult.of(verified, policy=policy, refusal=refusal)
