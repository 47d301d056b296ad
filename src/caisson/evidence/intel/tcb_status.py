"""What Intel says of one TCB level: a status, since when, and which advisories.

Source: Intel PCS API version 4, appendix "TCB Info".
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from caisson.errors import Malformed
from caisson.evidence.signed_json import Fields


class TcbStatus(StrEnum):
    """What is known about the security version of a platform, in Intel's words.

    `NOT_SUPPORTED` says that no level that Intel knows is as low as the platform, its quoting enclave or its TDX
    module. It and `REVOKED` can not be named in a policy. The relaunch statuses are of trust domains that were
    started before an update that is now in force: nothing publishes them, they follow from the two statuses, then
    and now.
    """

    UP_TO_DATE = "UpToDate"
    SW_HARDENING_NEEDED = "SWHardeningNeeded"
    CONFIGURATION_NEEDED = "ConfigurationNeeded"
    CONFIGURATION_AND_SW_HARDENING_NEEDED = "ConfigurationAndSWHardeningNeeded"
    OUT_OF_DATE = "OutOfDate"
    OUT_OF_DATE_CONFIGURATION_NEEDED = "OutOfDateConfigurationNeeded"
    TD_RELAUNCH_ADVISED = "TDRelaunchAdvised"
    TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED = "TDRelaunchAdvisedConfigurationNeeded"
    REVOKED = "Revoked"
    NOT_SUPPORTED = "TCBNotSupported"


NEEDS_CONFIGURATION = frozenset(
    {
        TcbStatus.CONFIGURATION_NEEDED,
        TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED,
        TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED,
    }
)
_OURS = frozenset(
    {TcbStatus.NOT_SUPPORTED, TcbStatus.TD_RELAUNCH_ADVISED, TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED}
)
_PUBLISHED = {status.value: status for status in TcbStatus if status not in _OURS}


class TcbVerdict(NamedTuple):
    """A status, since when that level is known, and the advisories that Intel names for it, sorted."""

    status: TcbStatus
    date: datetime | None
    advisories: tuple[str, ...]

    @classmethod
    def parse(cls, level: Fields) -> "TcbVerdict":
        """Read the verdict of one level.

        Raises:
            Malformed: a member is missing, or the status is none that Intel publishes.
        """
        name = level.text("tcbStatus")
        status = _PUBLISHED.get(name)
        if status is None:
            raise Malformed(f"{level.what} has the unknown status {name[:40]!r}")
        return cls(
            status=status,
            date=level.moment("tcbDate"),
            advisories=tuple(sorted(set(level.texts("advisoryIDs")))),
        )

    def converged(self, enclave: "TcbVerdict") -> "TcbVerdict":
        """Join the platform's verdict (self) with that of its quoting enclave, or of its TDX module.

        The worse status counts, the earlier date, and advisories add up; where one of them is below every level that
        Intel knows, nothing is known of both together.
        """
        if TcbStatus.NOT_SUPPORTED in (self.status, enclave.status):
            return NOT_SUPPORTED
        return TcbVerdict(
            status=_converged(self.status, enclave.status),
            date=None if self.date is None or enclave.date is None else min(self.date, enclave.date),
            advisories=tuple(sorted({*self.advisories, *enclave.advisories})),
        )


NOT_SUPPORTED = TcbVerdict(status=TcbStatus.NOT_SUPPORTED, date=None, advisories=())


def _converged(platform: TcbStatus, enclave: TcbStatus) -> TcbStatus:
    if TcbStatus.REVOKED in (platform, enclave):
        return TcbStatus.REVOKED
    if enclave is TcbStatus.UP_TO_DATE:
        return platform
    if enclave is not TcbStatus.OUT_OF_DATE:
        # What runs on a platform is either current or not; Intel publishes nothing else, and no rule would fit.
        raise Malformed(f"TCB level of an enclave or module has the status {enclave}, which only platforms have")
    if platform in NEEDS_CONFIGURATION:
        return TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED
    return TcbStatus.OUT_OF_DATE
