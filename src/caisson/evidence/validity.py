"""When things are good: every part of the argument has its window, and the clock is checked against all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from caisson.errors import Expired, NotYetValid, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """The window in which `what` is good; both ends belong to it."""

    what: str
    begins: datetime
    ends: datetime

    def objection(self, at: datetime) -> NotYetValid | Expired | None:
        """Give what speaks against `at`, if anything does."""
        if at < self.begins:
            return NotYetValid(f"{self.what} is valid from {self.begins.isoformat()} on, and it is {_seconds(at)}")
        if at > self.ends:
            return Expired(
                f"{self.what} was valid until {self.ends.isoformat()}, and it is {_seconds(at)}",
                hint="fetch fresh collateral, and check the clock; `--at` judges stored evidence as of its own time",
            )
        return None


@dataclass(frozen=True, slots=True)
class Validities:
    """Several windows and what they have in common, so that the usual check costs two comparisons."""

    each: tuple[Validity, ...]
    begins: datetime
    ends: datetime

    @classmethod
    def of(cls, windows: Iterable[Validity]) -> "Validities":
        """Intersect at least one window."""
        each = tuple(windows)
        return cls(each=each, begins=max(one.begins for one in each), ends=min(one.ends for one in each))

    def require(self, at: datetime) -> None:
        """Refuse a time outside any of the windows.

        Raises:
            NotYetValid: something begins later than `at`.
            Expired: something ended before `at`.
            UsageError: `at` has no time zone.
        """
        if at.tzinfo is None:
            raise UsageError("the time of verification has no time zone")
        if not self.begins <= at <= self.ends:
            raise next(filter(None, (one.objection(at) for one in self.each)))


def _seconds(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
