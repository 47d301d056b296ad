"""One look at evidence in whichever form: is it genuine, and what does the policy say?"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from caisson.errors import PolicyRejected, Rejected, UsageError
from caisson.evidence.appraisal import appraise
from caisson.evidence.binding.activation import VerifiedActivation, verify_activation
from caisson.evidence.binding.tls import VerifiedRaTls, verify_peer
from caisson.evidence.certificate import Certificate
from caisson.evidence.forms import Evidence, EvidenceForm
from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.intel.verified import VerifiedTd
from caisson.evidence.intel.verify import verify_intel_quote
from caisson.evidence.policy import AnyPolicy, Policy, SnpPolicy, TdxPolicy
from caisson.evidence.result import AttestationResult
from caisson.evidence.roots import RootKey
from caisson.evidence.snp.collateral import SnpCollateral
from caisson.evidence.snp.verify import verify_snp
from caisson.evidence.verified import VerifiedEvidence

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

    @property
    def accepted_roots(self) -> frozenset[RootKey]:
        """The roots whose word counts."""
        return self.roots if self.policy is None else self.policy.roots


def examine(evidence: Evidence, collateral: Collateral | SnpCollateral, question: Question) -> AttestationResult:
    """Verify evidence, ask the policy, and say both.

    Activation evidence and certificates need a policy: they are about more than a platform and an enclave.

    Raises:
        UsageError: collateral of another kind, no policy where one is needed, or one where none can be.
    """
    policy, certificate = question.policy, evidence.certificate
    try:
        verified = _verify(evidence, collateral, question)
        more = {} if certificate is None else _shown(certificate)
        refusal = None
        if policy is not None:
            try:
                more |= _appraise(evidence, verified, collateral, policy)
            except PolicyRejected as error:
                refusal = error
        result = AttestationResult.of(verified, policy=policy, refusal=refusal, more=more)
        if certificate is None:
            return result
        return replace(result, expires=min(verified.expires, certificate.validity.ends))
    except Rejected as error:
        return AttestationResult.refused(error, policy=policy, at=question.at)


def _verify(evidence: Evidence, collateral: Collateral | SnpCollateral, question: Question) -> VerifiedEvidence:
    policy, roots, at = question.policy, question.accepted_roots, question.at
    if evidence.form is EvidenceForm.SNP_REPORT:
        if not isinstance(collateral, SnpCollateral):
            raise UsageError("an SNP report needs an SNP report's collateral, and this is a quote's")
        _require_same_tee(policy, SnpPolicy)
        return verify_snp(evidence.raw, collateral.vek, collateral.chain, crl=collateral.crl, roots=roots, at=at)
    if not isinstance(collateral, Collateral):
        raise UsageError("a quote needs a quote's collateral, and this is an SNP report's")
    if evidence.form is not EvidenceForm.QUOTE and policy is None:
        raise UsageError(
            "activation evidence and certificates need a policy", hint="it says who may have provisioned them"
        )
    if isinstance(policy, SnpPolicy):
        raise UsageError("this policy is for SEV-SNP, and the evidence is a quote")
    verified = verify_intel_quote(evidence.quote, collateral, roots=roots, at=at)
    _require_same_tee(policy, TdxPolicy if isinstance(verified, VerifiedTd) else Policy)
    return verified


def _require_same_tee(policy: AnyPolicy | None, kind: type[AnyPolicy]) -> None:
    if policy is not None and not isinstance(policy, kind):
        raise UsageError(f"this policy is for {_TEES[type(policy)]}, and the evidence is {_EVIDENCE[kind]}")


def _appraise(
    evidence: Evidence, verified: VerifiedEvidence, collateral: Collateral | SnpCollateral, policy: AnyPolicy
) -> dict[str, Any]:
    """Ask the policy; give what is known then, beyond the quote or the report."""
    at = verified.verified_at
    match collateral, policy:
        case Collateral(), Policy() | TdxPolicy() if evidence.certificate is not None:
            peer = verify_peer(evidence.certificate, collateral, policy, at=at)
            return _provisioned(peer) if isinstance(peer, VerifiedActivation) else _claimed(peer)
        case Collateral(), Policy() if evidence.activation is not None:
            return _provisioned(verify_activation(evidence.activation, collateral, policy, at=at))
        case _ if evidence.activation is not None:
            # What an activation binds to its quote is checked for enclaves only.
            raise UsageError("activation evidence is appraised for SGX only")
        case _:
            appraise(verified, policy)
            return {}


def _shown(certificate: Certificate) -> dict[str, Any]:
    window = certificate.validity
    return {"certificate": {"begins": window.begins.isoformat(), "ends": window.ends.isoformat()}}


def _provisioned(activation: VerifiedActivation) -> dict[str, Any]:
    data = activation.runtime_data
    return {"evidence": "activation", "workload": data.workload, "key_server": str(data.server_key_hash)}


def _claimed(peer: VerifiedRaTls) -> dict[str, Any]:
    return {"evidence": "ra-tls", "claims": None if peer.claims is None else list(peer.claims.others)}
