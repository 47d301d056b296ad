"""What a check is, what it can find, and for whom it matters."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from caisson.doctor.readings import Readings, Unread

_T = TypeVar("_T")


class Purpose(StrEnum):
    """What somebody wants to do."""

    RUN = "run"
    BUILD = "build"
    ATTEST = "attest"
    SWARM = "swarm"
    KUBERNETES = "kubernetes"


class Status(StrEnum):
    """What came out. An unknown is no failure; what was not looked at has a reason, which failed itself."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "not looked at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was seen, what it means and what to do about it, the latter two where all is not well."""

    status: Status
    seen: str
    meaning: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question. `after` names the checks without which it makes no sense.

    `judge` is a pure function of readings, and gives nothing where there is nothing to judge. `decides` says that the
    purpose stays in doubt while the answer is unknown. `why` says why anybody should care.
    """

    id: str
    name: str
    title: str
    looks_at: str
    why: str
    purposes: frozenset[Purpose]
    judge: Callable[[Readings], Finding | None]
    after: tuple[str, ...] = ()
    decides: bool = True


def good(seen: str) -> Finding:
    """All is well."""
    return Finding(status=Status.OK, seen=seen)


def warn(seen: str, meaning: str, remedy: str) -> Finding:
    """It works, but."""
    return Finding(status=Status.WARNING, seen=seen, meaning=meaning, remedy=remedy)


def bad(seen: str, meaning: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(status=Status.FAILED, seen=seen, meaning=meaning, remedy=remedy)


def unknown(seen: str, remedy: str = "") -> Finding:
    """It could not be seen."""
    return Finding(status=Status.UNKNOWN, seen=seen, remedy=remedy)


def of(
    read: Callable[[Readings], _T | Unread | None], judge: Callable[[_T, Readings], Finding | None]
) -> Callable[[Readings], Finding | None]:
    """Judge one of the readings: nothing where nobody asked for it, and unknown where it could not be read."""

    def judged(readings: Readings) -> Finding | None:
        found = read(readings)
        if found is None:
            return None
        return unknown(found.unread) if isinstance(found, Unread) else judge(found, readings)

    return judged
