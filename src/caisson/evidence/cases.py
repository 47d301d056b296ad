"""Cases by which a policy is tested: stored evidence, a time, and what has to come of it.

A case that expects a no says for which reasons: a policy that refuses everything passes no test by that.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from caisson.errors import Malformed
from caisson.evidence.policy.files import read_file
from caisson.evidence.result import AttestationResult
from caisson.evidence.signed_json import Fields

_VERSION = 1
_HINT = "docs/reference/policy.md describes cases"
_FILE = frozenset({"version", "policy", "cases"})
_ALWAYS = frozenset({"name", "evidence", "at", "expect"})
_INTEL, _AMD = frozenset({"collateral"}), frozenset({"vek", "chain"})
_OPTIONAL = frozenset({"crl", "reasons"})


class Expected(StrEnum):
    """What may come of evidence: the policy accepts it, refuses it although it is genuine, or it is not genuine."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOT_GENUINE = "not-genuine"

    @classmethod
    def of(cls, result: AttestationResult) -> "Expected":
        """Say what came of it, when a policy was asked."""
        if not result.genuine:
            return cls.NOT_GENUINE
        return cls.ACCEPTED if result.accepted else cls.REJECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case; files are named relative to the cases' own. `reasons` are words, one for each reason that is told.

    Either `collateral` is there, for quotes, or `vek` and `chain`, for SNP reports, perhaps with `crl`.
    """

    name: str
    evidence: str
    collateral: str | None
    vek: str | None
    chain: str | None
    crl: str | None
    at: datetime
    expect: Expected
    reasons: tuple[str, ...]

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read one case.

        Raises:
            Malformed: a member is missing, unknown or wrong.
        """
        needed = _ALWAYS | (_AMD if _AMD & fields.value.keys() else _INTEL)
        allowed = needed | _OPTIONAL - ({"crl"} if needed >= _INTEL else set())
        _require_members(fields, needed=needed, allowed=allowed)
        try:
            expect = Expected(fields.text("expect"))
        except ValueError as cause:
            raise Malformed(f"{fields.what}: `expect` is none of {', '.join(Expected)}", hint=_HINT) from cause
        reasons = fields.texts("reasons")
        if (expect is Expected.ACCEPTED) == bool(reasons) or not all(reasons):
            raise Malformed(
                f"{fields.what}: `reasons` stand where `expect` is not `accepted`, and only there, and none is empty",
                hint=_HINT,
            )
        return cls(
            name=fields.text("name"),
            evidence=fields.text("evidence"),
            collateral=_optional(fields, "collateral"),
            vek=_optional(fields, "vek"),
            chain=_optional(fields, "chain"),
            crl=_optional(fields, "crl"),
            at=fields.moment("at"),
            expect=expect,
            reasons=reasons,
        )

    def differences(self, result: AttestationResult) -> tuple[str, ...]:
        """Give everything in which a result is not what this case expects."""
        found = Expected.of(result)
        if found is not self.expect:
            why = f": {'; '.join(result.reasons)}" if result.reasons else ""
            return (f"expected {self.expect}, and it is {found}{why}",)
        told = result.reasons
        missing = (f"no reason says {word!r}" for word in self.reasons if not any(word in said for said in told))
        others = (f"not expected: {said}" for said in told if not any(word in said for word in self.reasons))
        return (*missing, *others)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCases:
    """A policy's file and the cases that it is tested by."""

    policy: str
    cases: tuple[Case, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read cases in TOML or JSON.

        Raises:
            Malformed: neither, no case at all, two of one name, or a member that is missing, unknown or wrong.
        """
        fields = Fields(read_file(raw, what="file of cases"), "cases")
        _require_members(fields, needed=_FILE, allowed=_FILE)
        if fields.value["version"] != _VERSION or type(fields.value["version"]) is not int:
            raise Malformed(f"cases are not of version {_VERSION}", hint=_HINT)
        cases = tuple(Case.parse(each) for each in fields.members("cases"))
        if not cases:
            raise Malformed("there is no case: what tests nothing passes always", hint=_HINT)
        if len({case.name for case in cases}) != len(cases):
            raise Malformed("two cases have the same name", hint=_HINT)
        return cls(policy=fields.text("policy"), cases=cases)


def _require_members(fields: Fields, *, needed: frozenset[str], allowed: frozenset[str]) -> None:
    found = fields.value.keys()
    for what, names in (("lacks", needed - found), ("has unknown members", found - allowed)):
        if names:
            listed = ", ".join(f"`{name[:40]}`" for name in sorted(names))
            raise Malformed(f"{fields.what} {what}: {listed[:400]}", hint=_HINT)


def _optional(fields: Fields, name: str) -> str | None:
    return fields.text(name) if name in fields.value else None
