"""An examination: every check that a purpose needs, in the order of the graph, and what all of it comes to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from caisson.doctor.check import Check, Finding, Purpose, Status
from caisson.doctor.readings import Readings


class Outcome(StrEnum):
    """What it comes to: `undecided` where nothing failed, but something that decides could not be seen."""

    WELL = "well"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A check and its finding; `because` is the result, failed or unknown, that made this one pointless."""

    check: Check
    finding: Finding
    because: "Result | None" = None

    @property
    def open(self) -> bool:
        """Whether its answer is not known."""
        return Status.UNKNOWN in (self.finding.status, self.because and self.because.finding.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All results, in the order of the checks."""

    purposes: frozenset[Purpose]
    results: tuple[Result, ...]

    @property
    def outcome(self) -> Outcome:
        """Say what it comes to."""
        return _outcome(self.results)

    def outcome_for(self, purpose: Purpose) -> Outcome:
        """Say what it comes to for one of the purposes."""
        return _outcome(result for result in self.results if purpose in result.check.purposes)

    def status(self, name: str) -> Status | None:
        """Give the status of a check, if it was made."""
        return next((result.finding.status for result in self.results if result.check.name == name), None)


def examine(readings: Readings, purposes: Iterable[Purpose], *, checks: Sequence[Check]) -> Report:
    """Judge readings. `checks` come in an order in which each follows those that it needs.

    A check that needs one that failed says nothing of its own: it names the first cause instead. One that needs an
    unknown speaks, for its own readings may tell; if they do not, it names that one, too.
    """
    wanted = frozenset(purposes)
    results: dict[str, Result] = {}
    for check in checks:
        if not check.purposes & wanted:
            continue
        finding = check.judge(readings)
        if finding is None:
            continue
        cause = _cause(check, results, Status.FAILED)
        if cause is None and finding.status is Status.UNKNOWN:
            cause = _cause(check, results, Status.UNKNOWN)
        shown = finding if cause is None else _skipped(cause)
        results[check.id] = Result(check=check, finding=shown, because=cause)
    return Report(purposes=wanted, results=tuple(results.values()))


def _outcome(results: Iterable[Result]) -> Outcome:
    found = tuple(results)
    if any(result.finding.status is Status.FAILED for result in found):
        return Outcome.FAILED
    if any(result.open and result.check.decides for result in found):
        return Outcome.UNDECIDED
    return Outcome.WELL


def _cause(check: Check, results: dict[str, Result], status: Status) -> Result | None:
    """Give the first of those that a check needs that came out so, or what came out so before that."""
    for needed in check.after:
        result = results.get(needed)
        root = None if result is None else result.because or result
        if root is not None and root.finding.status is status:
            return root
    return None


def _skipped(cause: Result) -> Finding:
    how = "failed" if cause.finding.status is Status.FAILED else "is unknown"
    return Finding(status=Status.SKIPPED, seen=f"not looked at because {cause.check.id} ({cause.check.title}) {how}")
