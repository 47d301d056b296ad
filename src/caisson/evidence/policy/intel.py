"""What policies for SGX and for TDX have in common: what they ask of Intel's platforms and collateral."""

import re
from dataclasses import dataclass

from caisson.abi import FixedBytes, ReportData
from caisson.errors import Malformed
from caisson.evidence.intel.pck import Fmspc, PlatformId
from caisson.evidence.intel.tcb import MOST_EVALUATION_NUMBER
from caisson.evidence.intel.tcb_status import TcbStatus
from caisson.evidence.policy.document import PolicyDocument
from caisson.evidence.policy.kinds import HINT, Kind, Member, any_or, boolean, choice, member, number, set_of, text
from caisson.evidence.roots import INTEL_SGX_ROOT, RootKey

INTEL_ROOT_NAME = "intel-sgx"
_ADVISORY = re.compile(r"INTEL-[A-Z]{2}-\d{5}", re.ASCII)
_NEVER = frozenset({TcbStatus.REVOKED, TcbStatus.NOT_SUPPORTED})
_DIGEST_DIGITS = 64
_MOST_DAYS = 3650
_PLATFORMS: dict[str, type[FixedBytes]] = {"fmspc": Fmspc, "ppid": PlatformId, "instance": PlatformId}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformName:
    """Platforms that are acceptable: a model (`fmspc`), a processor (`ppid`) or a machine of several (`instance`)."""

    by: str
    value: FixedBytes

    def __str__(self) -> str:
        return f"{self.by}:{self.value}"

    @classmethod
    def parse(cls, name: str) -> "PlatformName":
        """Read a name such as `fmspc:00906ed50000`.

        Raises:
            Malformed: another kind of name, or a value of another size.
        """
        by, _, value = name.partition(":")
        if by not in _PLATFORMS:
            raise Malformed(
                f"policy: `{name[:40]}` names no platform", hint="such as `fmspc:…`, `ppid:…` or `instance:…`"
            )
        return cls(by=by, value=_PLATFORMS[by].from_hex(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class IntelPolicy(PolicyDocument):
    """What evidence must be to be accepted, as far as it is about the platform and its collateral.

    `advisories` are those that a platform's TCB level may name. `REVOKED` and `NOT_SUPPORTED` can never be among
    `tcb_statuses`. The last three are not looked at when they are `None`: version 1 cannot ask for them, and
    in version 2 one has to write `any`.
    """

    roots: frozenset[RootKey]
    tcb_statuses: frozenset[TcbStatus]
    advisories: frozenset[str]
    allow_debug: bool
    minimum_tcb_evaluation_data_number: int
    maximum_collateral_age_days: int | None = None
    platforms: frozenset[PlatformName] | None = None
    report_data: frozenset[ReportData] | None = None


def root_kind(names: dict[str, RootKey]) -> Kind[RootKey]:
    """Make the kind of roots: one of `names`, a certificate in PEM, or a key's hash."""
    spoken = {key: name for name, key in names.items()}

    def read(word: str) -> RootKey:
        if word in names:
            return names[word]
        if word.lstrip().startswith("-----BEGIN"):
            return RootKey.of_pem(word.encode())
        try:
            return RootKey.from_hex(word)
        except Malformed as cause:
            known = ", ".join(f"`{name}`" for name in names)
            raise Malformed(
                f"policy: `{word[:80]}` is no root: not {known}, no certificate in PEM, no SHA-256 of a root's key",
                hint=HINT,
            ) from cause

    return text(read, write=lambda key: spoken.get(key, str(key)))


def _report_data(word: str) -> ReportData:
    """Read 64 bytes, or 32 that are followed by zeros, as hashes of keys are."""
    return ReportData.from_hex(word + "0" * _DIGEST_DIGITS if len(word) == _DIGEST_DIGITS else word)


def _advisory(word: str) -> str:
    if not _ADVISORY.fullmatch(word):
        raise Malformed(f"policy: `{word[:40]}` is no advisory such as `INTEL-SA-00615`", hint=HINT)
    return word


def collateral_age(says: str) -> Member:
    """Describe the member that bounds the age of what a vendor issues; `says` begins with what that is."""
    return member("maximum_collateral_age_days", any_or(number(_MOST_DAYS)), f"{says}, although still valid; or `any`")


REPORT_DATA = member(
    "report_data",
    any_or(set_of(text(_report_data, pattern="^([0-9a-fA-F]{64}){1,2}$"))),
    "the report data that are accepted: 64 bytes, or 32 that zeros follow; or `any`",
)
PLATFORM_1 = (
    member("roots", set_of(root_kind({INTEL_ROOT_NAME: INTEL_SGX_ROOT})), "whose word ends the argument"),
    member(
        "tcb_statuses",
        set_of(choice((each for each in TcbStatus if each not in _NEVER), what="TCB status that can be accepted")),
        "the statuses that are accepted, of the platform and what vouches for it",
    ),
    member("advisories", set_of(text(_advisory, pattern=f"^{_ADVISORY.pattern}$")), "the advisories that may apply"),
    member("allow_debug", boolean(), "whether memory that is open to a debugger is accepted"),
    member(
        "minimum_tcb_evaluation_data_number",
        number(MOST_EVALUATION_NUMBER),
        "the oldest evaluation of Intel's that is accepted",
    ),
)
PLATFORM_2 = (
    *PLATFORM_1,
    collateral_age("how old TCB info, QE identity and the list of revoked PCKs may be"),
    member(
        "platforms",
        any_or(set_of(text(PlatformName.parse, pattern="^(fmspc|ppid|instance):[0-9a-fA-F]+$"))),
        "the platforms that are accepted: `fmspc:…`, `ppid:…`, `instance:…`; or `any`",
    ),
    REPORT_DATA,
)
