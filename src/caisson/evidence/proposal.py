"""A policy to begin with: it names what a piece of genuine evidence is, and is strict about all else."""

from typing import Any

from caisson.evidence.intel.tcb_status import TcbStatus
from caisson.evidence.intel.verified import VerifiedPlatform, VerifiedQuote, VerifiedTd
from caisson.evidence.policy import AnyPolicy, DomainRule, EnclaveRule, GuestRule, Policy, SnpPolicy, TdxPolicy
from caisson.evidence.snp.verified import VerifiedSnpReport
from caisson.evidence.verified import VerifiedEvidence
from caisson.tdx import TdBody15, TdFlags


def propose(verified: VerifiedEvidence) -> AnyPolicy:
    """Give the policy that accepts this build, under this root, and neither debugging nor anything out of date.

    So it may refuse the very evidence that it was made of: on a platform that lacks fixes, for example. No key server
    is accepted, since a quote alone tells of none.
    """
    if isinstance(verified, VerifiedSnpReport):
        return _guest(verified)
    return _domain(verified) if isinstance(verified, VerifiedTd) else _enclave(verified)


def _platform(verified: VerifiedPlatform) -> dict[str, Any]:
    return {
        "roots": frozenset({verified.root}),
        "tcb_statuses": frozenset({TcbStatus.UP_TO_DATE}),
        "advisories": frozenset(),
        "allow_debug": False,
        "minimum_tcb_evaluation_data_number": verified.tcb_evaluation_data_number,
    }


def _enclave(verified: VerifiedQuote) -> Policy:
    return Policy(
        **_platform(verified),
        key_servers=frozenset(),
        enclaves=(EnclaveRule(mr_enclave=verified.report.mr_enclave),),
    )


def _domain(verified: VerifiedTd) -> TdxPolicy:
    body = verified.body
    named = sum(flag for flag in TdFlags if flag is not TdFlags.DEBUG)
    return TdxPolicy(
        **_platform(verified),
        modules=None,
        required_attributes=body.td_attributes.flags & named,
        allowed_attributes=0,
        allowed_xfam=body.xfam,
        # TDX 1.0 does not say what is bound, and zero is what 1.5 says of nothing.
        service_domains=frozenset({body.mr_service_td} if any(body.mr_service_td.value) else ())
        if isinstance(body, TdBody15)
        else None,
        domains=(DomainRule(mr_td=body.mr_td, rtmr0=body.rtmr0, rtmr1=body.rtmr1, rtmr2=body.rtmr2, rtmr3=body.rtmr3),),
    )


def _guest(verified: VerifiedSnpReport) -> SnpPolicy:
    report = verified.report
    return SnpPolicy(
        roots=frozenset({verified.root}),
        signing_keys=frozenset({verified.signing_key}),
        csp_ids=frozenset({verified.csp_id} if verified.csp_id is not None else ()),
        require_revocation_list=True,
        allow_debug=False,
        allow_migration=False,
        allow_smt=report.policy.smt,
        allow_provisional_firmware=False,
        required_policy=0,
        required_platform=0,
        vmpls=frozenset({report.vmpl}),
        chips=None,
        minimum_tcb={verified.product.value.lower(): verified.reported_tcb},
        report_data=None,
        guests=(GuestRule(measurement=report.measurement),),
        allow_cxl=report.policy.cxl,
    )
