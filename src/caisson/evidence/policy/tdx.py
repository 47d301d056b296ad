"""The appraisal policy for TDX: what is acceptable, said in full (docs/reference/policy.md)."""

from dataclasses import dataclass
from typing import Any, Self

from caisson.evidence.policy.files import VERSION_2, read_file, take_head, write_file
from caisson.evidence.policy.intel import PLATFORM_2, IntelPolicy
from caisson.evidence.policy.kinds import (
    any_or,
    flags,
    list_of,
    member,
    octets,
    read_members,
    set_of,
    table,
    write_members,
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
        "the service domains that may be bound; by SERVTD_HASH, or `any`",
    ),
    member("domains", list_of(table(RULE, DomainRule, what="policy: an entry of `domains`")), "the domains accepted"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TdxPolicy(IntelPolicy):
    """What a trust domain's evidence must be to be accepted."""

    modules: frozenset[MrSeam] | None
    required_attributes: int
    allowed_attributes: int
    allowed_xfam: Xfam | None
    service_domains: frozenset[MrServiceTd] | None
    domains: tuple[DomainRule, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a policy for TDX in TOML or JSON.

        Raises:
            Malformed: neither, for another TEE, or a field that is missing, unknown or wrong.
        """
        return cls.of(read_file(raw))

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        """Read the table of a policy.

        Raises:
            Malformed: for another TEE, or a field that is missing, unknown or wrong.
        """
        left = dict(value)
        take_head(left, tee=TEE, versions=(VERSION_2,))
        return cls(**read_members(left, "policy", MEMBERS))

    @property
    def members(self) -> dict[str, Any]:
        """The policy as a table."""
        return {"version": VERSION_2, "tee": TEE, **write_members(self, MEMBERS)}

    def encode(self) -> str:
        """Write the policy in TOML; `TdxPolicy.parse(policy.encode().encode()) == policy`."""
        return write_file(self.members)
