"""What is asked of a trust domain."""

from collections.abc import Iterator

from caisson.evidence.appraisal.rules import DEBUG_DOMAIN, none_fits, unequal
from caisson.evidence.intel.tcb_status import TcbStatus
from caisson.evidence.intel.verified import VerifiedTd
from caisson.evidence.policy import DomainRule, TdxPolicy
from caisson.tdx import MrServiceTd, TdBody, TdBody15, TdFlags

_UNDER_DEBUG = 0xFF
# Of what needs no word of a policy, and of what is in the status of the whole already.
_SAID_OTHERWISE = frozenset({TcbStatus.UP_TO_DATE, TcbStatus.REVOKED, TcbStatus.NOT_SUPPORTED})
_NO_SERVICE_DOMAIN = MrServiceTd(bytes(MrServiceTd.SIZE))


def domain_mismatches(body: TdBody, policy: TdxPolicy) -> Iterator[str]:
    """Give everything about a trust domain that a policy does not accept."""
    yield from _attributes(body, policy)
    if policy.modules is not None and body.mr_seam not in policy.modules:
        yield f"TDX module has MRSEAM {body.mr_seam}, which is not accepted"
    if policy.allowed_xfam is not None:
        more = _bits(body.xfam.value) & ~_bits(policy.allowed_xfam.value)
        if more:
            yield f"XFAM is {body.xfam}, which has the bits {more:#x} beyond {policy.allowed_xfam}"
    if policy.service_domains is not None:
        if not isinstance(body, TdBody15):
            yield "a body of TDX 1.0 does not say which service domains are bound; only `any` accepts that"
        elif body.mr_service_td not in policy.service_domains | {_NO_SERVICE_DOMAIN}:
            yield f"service domains {body.mr_service_td} are bound, which is not accepted"
    yield from none_fits(policy.domains, lambda rule: domain_differences(body, rule), noun="domain", name="domains")


def current_mismatches(verified: VerifiedTd, policy: TdxPolicy) -> Iterator[str]:
    """Say it if what runs below a domain now is not accepted, although the domain was launched on what is.

    Intel's rules for status and advisories look at the launch; a host that goes back would otherwise not be noticed.
    """
    current = verified.current_tcb
    if current is None:
        return
    if current.status not in _SAID_OTHERWISE | policy.tcb_statuses:
        yield f"TCB status of what runs below the domain now is {current.status}, which is not accepted"
    if unknown := sorted(set(current.advisories) - policy.advisories - set(verified.tcb.advisories)):
        yield f"what runs below the domain now has advisories that are not accepted: {', '.join(unknown)}"


def domain_differences(body: TdBody, rule: DomainRule) -> Iterator[str]:
    """Say how a trust domain differs from one that would be accepted."""
    yield from unequal(
        (
            ("mrtd", body.mr_td, rule.mr_td),
            ("rtmr0", body.rtmr0, rule.rtmr0),
            ("rtmr1", body.rtmr1, rule.rtmr1),
            ("rtmr2", body.rtmr2, rule.rtmr2),
            ("rtmr3", body.rtmr3, rule.rtmr3),
            ("mrconfigid", body.mr_config_id, rule.mr_config_id),
            ("mrowner", body.mr_owner, rule.mr_owner),
            ("mrownerconfig", body.mr_owner_config, rule.mr_owner_config),
        )
    )


def _attributes(body: TdBody, policy: TdxPolicy) -> Iterator[str]:
    attributes = body.td_attributes
    if attributes.under_debug and not policy.allow_debug:
        yield DEBUG_DOMAIN
    if lacking := policy.required_attributes & ~attributes.flags:
        yield f"trust domain lacks the attributes {_named(lacking)}"
    if more := attributes.flags & ~(policy.required_attributes | policy.allowed_attributes | _UNDER_DEBUG):
        yield f"trust domain has the attributes {_named(more)}, which are not accepted"


def _named(bits: int) -> str:
    names = [flag.name or "" for flag in TdFlags if flag & bits]
    rest = bits & ~sum(TdFlags)
    return ", ".join(names + ([f"{rest:#x}"] if rest else []))


def _bits(octets: bytes) -> int:
    return int.from_bytes(octets, "little")
