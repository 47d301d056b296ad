"""The appraisal policy for TDX: what is acceptable, said in full (docs/reference/policy.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caisson.evidence.policy.files import VERSION_2
from caisson.evidence.policy.intel import PLATFORM_2, IntelPolicy
from caisson.evidence.policy.kinds import (
    Member,
    any_or,
    flags,
    list_of,
    member,
    octets,
    set_of,
    table,
)
from caisson.tdx import MrConfigId, MrOwner, MrOwnerConfig, MrSeam, MrServiceTd, MrTd, Rtmr, TdFlags, Xfam

TEE = "tdx"
RULE = (
    member("mrtd", octets(MrTd), "what the domain was built from", attribute="mr_td"),
    *(member(f"rtmr{number}", octets(Rtmr), "what it has measured since", optional=True) for number in range(4)),
    member("mrconfigid", octets(MrConfigId), "its configuration", attribute="mr_config_id", optional=True),
    member("mrowner", octets(MrOwner), "its owner", attribute="mr_owner", optional=True),
    member("mrownerconfig", octets(MrOwnerConfig), "its owner's words", attribute="mr_owner_config", optional=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRule:
    """One trust domain that is acceptable: what it was built from, and whatever else is named."""

    mr_td: MrTd
    rtmr0: Rtmr | None = None
    rtmr1: Rtmr | None = None
    rtmr2: Rtmr | None = None
    rtmr3: Rtmr | None = None
    mr_config_id: MrConfigId | None = None
    mr_owner: MrOwner | None = None
    mr_owner_config: MrOwnerConfig | None = None


MEMBERS = (
    *PLATFORM_2,
    member(
        "modules",
        any_or(set_of(octets(MrSeam))),
        "the TDX modules that are accepted, by MRSEAM; or `any` that the platform's collateral knows",
    ),
    member(
        "required_attributes",
        flags(TdFlags, without=TdFlags.DEBUG),
        "the attributes that a domain must have, such as SEPT_VE_DISABLE",
    ),
    member(
        "allowed_attributes",
        flags(TdFlags, without=TdFlags.DEBUG),
        "the attributes that a domain may have besides; no others are accepted",
    ),
    member("allowed_xfam", any_or(octets(Xfam)), "the extended state that a domain may use, as XFAM has it; or `any`"),
    member(
        "service_domains",
        any_or(set_of(octets(MrServiceTd))),
        "the service domains that may be bound; or `any`",
    ),
    member("domains", list_of(table(RULE, DomainRule, what="policy: an entry of `domains`")), "the domains accepted"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TdxPolicy(IntelPolicy):
    """What a trust domain's evidence must be to be accepted."""

    tee = TEE
    versions: ClassVar[Mapping[int, tuple[Member, ...]]] = {VERSION_2: MEMBERS}

    modules: frozenset[MrSeam] | None
    required_attributes: int
    allowed_attributes: int
    allowed_xfam: Xfam | None
    service_domains: frozenset[MrServiceTd] | None
    domains: tuple[DomainRule, ...]
