"""The result of looking at evidence: is it genuine, is it what we want, and what is it?"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Self

from caisson.errors import PolicyRejected, Rejected
from caisson.evidence.intel.verified import VerifiedQuote, VerifiedTd
from caisson.evidence.policy import AnyPolicy, Policy, SnpPolicy, TdxPolicy
from caisson.evidence.snp.verified import VerifiedSnpReport
from caisson.evidence.trust_vector import Tier, TrustVector
from caisson.evidence.verified import VerifiedEvidence
from caisson.snp import PlatformFlags, PolicyFlags


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationResult:
    """One verdict. `accepted` is `None` where no policy was asked; `reasons` say what speaks against the evidence.

    `tee` has the name that policies have for it, and is `None` for evidence that is not genuine. `facts` are what
    genuine evidence shows, and empty for any other; `expires` is when its argument ends; `hint` says what to do about a
    no.
    """

    tee: str | None
    genuine: bool
    accepted: bool | None
    reasons: tuple[str, ...]
    facts: dict[str, Any]
    vector: TrustVector
    policy_id: str | None
    at: datetime
    expires: datetime | None
    hint: str | None = None

    @classmethod
    def of(
        cls,
        verified: VerifiedEvidence,
        *,
        policy: AnyPolicy | None,
        refusal: PolicyRejected | None = None,
        more: dict[str, Any] | None = None,
    ) -> Self:
        """Tell of genuine evidence, and of what `policy` said; `more` are facts of what it came in."""
        accepted = None if policy is None else refusal is None
        tee, facts = _facts(verified)
        return cls(
            tee=tee,
            genuine=True,
            accepted=accepted,
            reasons=() if refusal is None else refusal.reasons,
            facts=facts | (more or {}),
            vector=TrustVector.of(verified, approved=accepted is True),
            policy_id=None if policy is None else policy_id(policy),
            at=verified.verified_at,
            expires=verified.expires,
            hint=None if refusal is None else refusal.hint,
        )

    @classmethod
    def refused(cls, error: Rejected, *, policy: AnyPolicy | None, at: datetime) -> Self:
        """Tell of evidence that is not genuine."""
        return cls(
            tee=None,
            genuine=False,
            accepted=None if policy is None else False,
            reasons=(error.message,),
            facts={},
            vector=TrustVector(),
            policy_id=None if policy is None else policy_id(policy),
            at=at,
            expires=None,
            hint=error.hint,
        )

    def denied(self, reason: str) -> Self:
        """Give the result after somebody else had a say, too, and said no."""
        return replace(
            self, accepted=False, reasons=(*self.reasons, reason), vector=replace(self.vector, executables=0)
        )

    @property
    def status(self) -> Tier:
        """What it amounts to: never better than its worst claim, and never good without a policy that accepts it."""
        if not self.genuine or self.accepted is False:
            return Tier.CONTRAINDICATED
        worst = self.vector.worst
        if worst > Tier.AFFIRMING:
            return worst
        return Tier.AFFIRMING if self.accepted else Tier.NONE


def policy_id(policy: AnyPolicy) -> str:
    """Name a policy by its content, however its file was written."""
    return f"sha-256:{sha256(policy.encode().encode()).hexdigest()}"


def _facts(verified: VerifiedEvidence) -> tuple[str, dict[str, Any]]:
    if isinstance(verified, VerifiedSnpReport):
        return SnpPolicy.tee, _snp(verified)
    if isinstance(verified, VerifiedTd):
        body, now = verified.body, verified.current_tcb
        return TdxPolicy.tee, {
            "mrtd": str(body.mr_td),
            "rtmrs": [str(register) for register in body.rtmrs],
            "mrconfigid": str(body.mr_config_id),
            "mrowner": str(body.mr_owner),
            "mrownerconfig": str(body.mr_owner_config),
            "mrseam": str(body.mr_seam),
            "td_attributes": str(body.td_attributes),
            "xfam": str(body.xfam),
            "tee_tcb_svn": str(body.tee_tcb_svn),
            "current_tcb_status": None if now is None else now.status.value,
            "current_advisory_ids": [] if now is None else list(now.advisories),
            "report_data": str(body.report_data),
            **_intel(verified),
        }
    report = verified.report
    return Policy.tee, {
        "mrenclave": str(report.mr_enclave),
        "mrsigner": str(report.mr_signer),
        "isv_prod_id": report.isv_prod_id,
        "isv_svn": report.isv_svn,
        "report_data": str(report.report_data),
        **_intel(verified),
    }


def _intel(verified: VerifiedQuote | VerifiedTd) -> dict[str, Any]:
    return {
        "debug": verified.debug,
        "tcb_status": verified.tcb.status.value,
        "tcb_date": None if verified.tcb.date is None else verified.tcb.date.isoformat(),
        "advisory_ids": list(verified.tcb.advisories),
        "tcb_evaluation_data_number": verified.tcb_evaluation_data_number,
        "fmspc": str(verified.pck.fmspc),
        "memory_protection": verified.pck.memory_protection.name.lower(),
        "dynamic_platform": verified.pck.dynamic_platform,
        "cached_keys": verified.pck.cached_keys,
        "smt_enabled": verified.pck.smt_enabled,
        **_root(verified),
    }


def _snp(verified: VerifiedSnpReport) -> dict[str, Any]:
    snp = verified.report
    return {
        "measurement": str(snp.measurement),
        "host_data": str(snp.host_data),
        "id_key_digest": str(snp.id_key_digest),
        "author_key_digest": str(snp.author_key_digest),
        "family_id": str(snp.family_id),
        "image_id": str(snp.image_id),
        "guest_svn": snp.guest_svn,
        "guest_policy": [flag.name for flag in PolicyFlags if flag & snp.policy.bits & ~PolicyFlags.RESERVED_ONE],
        "platform_info": [flag.name for flag in PlatformFlags if flag & snp.platform_info],
        "debug": verified.debug,
        "report_data": str(snp.report_data),
        "vmpl": snp.vmpl,
        "signing_key": verified.signing_key.name,
        "csp_id": verified.csp_id,
        "product": verified.product.value,
        "chip_id": str(verified.chip_id),
        "reported_tcb": str(verified.reported_tcb),
        "committed_tcb": str(verified.committed_tcb),
        "launch_tcb": str(verified.launch_tcb),
        "mitigations": None if snp.mitigations is None else asdict(snp.mitigations),
        "revocation_checked": verified.revocation_checked,
        **_root(verified),
    }


def _root(verified: VerifiedEvidence) -> dict[str, Any]:
    return {"root": str(verified.root), "root_name": verified.root_name, "hardware": verified.on_hardware}
