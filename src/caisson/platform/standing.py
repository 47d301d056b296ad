"""How the provisioning service speaks of the platform: the part of its answers that one may choose."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class TcbStatus(StrEnum):
    """The TCB statuses of Intel's TCB info and QE identity (PCS v4, appendices A and B)."""

    UP_TO_DATE = "UpToDate"
    SW_HARDENING_NEEDED = "SWHardeningNeeded"
    CONFIGURATION_NEEDED = "ConfigurationNeeded"
    CONFIGURATION_AND_SW_HARDENING_NEEDED = "ConfigurationAndSWHardeningNeeded"
    OUT_OF_DATE = "OutOfDate"
    OUT_OF_DATE_CONFIGURATION_NEEDED = "OutOfDateConfigurationNeeded"
    REVOKED = "Revoked"

    @property
    def superseded(self) -> bool:
        """Whether a machine in this status lacks an update that exists."""
        return self in {self.OUT_OF_DATE, self.OUT_OF_DATE_CONFIGURATION_NEEDED, self.REVOKED}


class Revocable(StrEnum):
    """Certificates that a revocation list can name."""

    PCK = "pck"
    PCK_CA = "pck-ca"
    TCB_SIGNER = "tcb-signer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the collateral says: by default, that all is well.

    `advisories` are ids like `INTEL-SA-00615`. `lifetime` runs from the issue of TCB info, QE identity and
    revocation lists to their next update.
    """

    tcb_status: TcbStatus = TcbStatus.UP_TO_DATE
    advisories: tuple[str, ...] = ()
    qe_status: TcbStatus = TcbStatus.UP_TO_DATE
    qe_advisories: tuple[str, ...] = ()
    revoked: frozenset[Revocable] = frozenset()
    evaluation_number: int = 20
    tcb_date: datetime = datetime(2026, 1, 14, tzinfo=UTC)
    lifetime: timedelta = timedelta(days=30)
