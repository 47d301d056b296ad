"""AR4SI's trustworthiness vector: what can honestly be said of an attester, in eight small numbers.

Source: draft-ietf-rats-ar4si, sections 2.3.3 (tiers) and 2.3.4 (values). A claim that nobody looked into is 0.
"""

from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import Self

from caisson.evidence.intel.tcb_status import TcbStatus
from caisson.evidence.snp.verified import VerifiedSnpReport
from caisson.evidence.verified import VerifiedEvidence

_AFFIRMING, _WARNING = range(2, 32), range(32, 96)


class Tier(IntEnum):
    """What a claim amounts to; the larger, the worse."""

    NONE = 0
    AFFIRMING = 2
    WARNING = 32
    CONTRAINDICATED = 96

    @classmethod
    def of(cls, claim: int) -> Self:
        """Give the tier of a claim's value, which is from -128 to 127; negative ones mirror the positive."""
        size = abs(claim)
        if size < cls.AFFIRMING:
            return cls(cls.NONE)
        if size in _AFFIRMING:
            return cls(cls.AFFIRMING)
        return cls(cls.WARNING) if size in _WARNING else cls(cls.CONTRAINDICATED)


class Hardware(IntEnum):
    """Claims about the hardware."""

    GENUINE = 2
    UNSAFE = 32
    CONTRAINDICATED = 96
    UNRECOGNIZED = 97


class Configuration(IntEnum):
    """Claims about how the platform is configured."""

    NOTHING_KNOWN_AGAINST_IT = 3
    UNSAFE = 32
    UNSUPPORTABLE = 96


class Executables(IntEnum):
    """Claims about the code."""

    APPROVED_AT_START = 3


class RuntimeOpaque(IntEnum):
    """Claims about who can look into the memory."""

    ENCRYPTED = 2
    VISIBLE = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustVector:
    """The eight claims. Four are never made here: one TEE's evidence says nothing about them."""

    instance_identity: int = 0
    configuration: int = 0
    executables: int = 0
    file_system: int = 0
    hardware: int = 0
    runtime_opaque: int = 0
    storage_opaque: int = 0
    sourced_data: int = 0

    @classmethod
    def of(cls, verified: VerifiedEvidence, *, approved: bool) -> Self:
        """Rate genuine evidence; `approved` says that a policy names what runs, and accepts it."""
        if not isinstance(verified, VerifiedSnpReport):
            hardware, configuration = _intel(verified.tcb.status)
        else:
            # AMD does not publish which firmware is current: all that is known is that the chip is one.
            hardware, configuration = Hardware.GENUINE, 0
        real, debug = verified.on_hardware, verified.debug
        return cls(
            hardware=hardware if real else Hardware.UNRECOGNIZED,
            configuration=Configuration.UNSUPPORTABLE if debug else configuration if real else 0,
            executables=Executables.APPROVED_AT_START if approved else 0,
            runtime_opaque=RuntimeOpaque.ENCRYPTED if real and not debug else RuntimeOpaque.VISIBLE,
        )

    def members(self) -> dict[str, int]:
        """Give the claims by the names that JSON has for them."""
        return dict(zip(NAMES, map(int, astuple(self)), strict=True))

    @property
    def worst(self) -> Tier:
        """The worst tier of all claims."""
        return max(map(Tier.of, self.members().values()))


NAMES = (
    "instance-identity",
    "configuration",
    "executables",
    "file-system",
    "hardware",
    "runtime-opaque",
    "storage-opaque",
    "sourced-data",
)


def _intel(status: TcbStatus) -> tuple[int, int]:
    """Rate a TCB status: hardware and configuration."""
    match status:
        case TcbStatus.UP_TO_DATE:
            return Hardware.GENUINE, Configuration.NOTHING_KNOWN_AGAINST_IT
        case TcbStatus.REVOKED | TcbStatus.NOT_SUPPORTED:
            return Hardware.CONTRAINDICATED, 0
        case TcbStatus.CONFIGURATION_NEEDED:
            return Hardware.GENUINE, Configuration.UNSAFE
        case TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED | TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED:
            return Hardware.UNSAFE, Configuration.UNSAFE
        case TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED:
            return Hardware.UNSAFE, Configuration.UNSAFE
        case _:
            return Hardware.UNSAFE, 0
