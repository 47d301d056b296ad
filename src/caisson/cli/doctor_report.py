"""How a doctor's report looks: the worse, the later, since that is where eyes are; one line for what is well."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from caisson.cli.output import printable
from caisson.doctor import SGX_CHECKS, Check, Outcome, Purpose, Report, Result, Status

_SCHEMA = "caisson.doctor/1"
_WORDS = {
    Status.OK: ("ok", "green"),
    Status.WARNING: ("warning", "yellow"),
    Status.FAILED: ("FAILED", "bold red"),
    Status.UNKNOWN: ("unknown", "cyan"),
    Status.SKIPPED: ("-", "dim"),
}
_ORDER = (Status.OK, Status.SKIPPED, Status.UNKNOWN, Status.WARNING, Status.FAILED)
_MOST_WIDTH = 120
_WITHOUT_SGX = (
    "Without SGX these still work here: building, signing and verifying images, the catalog, the key server, "
    "deployments for other machines; and{} `caisson up NAME` on the software platform, which protects nothing."
)
_OUTCOMES = {
    Outcome.WELL: ("all is well", "green"),
    Outcome.UNDECIDED: ("nothing failed, but what decides could not be seen", "cyan"),
    Outcome.FAILED: ("will not work as it is", "bold red"),
}


def as_data(report: Report) -> dict[str, Any]:
    """Give a report as JSON has it."""
    return {
        "schema": _SCHEMA,
        "for": sorted(report.purposes),
        "outcome": report.outcome.value,
        "outcomes": {each.value: report.outcome_for(each).value for each in sorted(report.purposes)},
        "still_works": still_works(report),
        "checks": [
            {
                "id": result.check.id,
                "name": result.check.name,
                "title": result.check.title,
                "status": result.finding.status.value,
                "seen": result.finding.seen,
                "meaning": result.finding.meaning,
                "remedy": result.finding.remedy,
                "because": None if result.because is None else result.because.check.id,
            }
            for result in report.results
        ],
    }


def still_works(report: Report) -> str | None:
    """Say what is left without SGX, if that is what is missing."""
    failed = [name for name in SGX_CHECKS if report.status(name) is Status.FAILED]
    once = "" if report.status("engine") is Status.OK else ", where Docker runs,"
    return _WITHOUT_SGX.format(once) if failed else None


def explanation(check: Check) -> str:
    """Give all there is to say of a check."""
    rows = [
        ("looks at", check.looks_at),
        ("why", check.why),
        ("for", ", ".join(each for each in Purpose if each in check.purposes)),
        ("after", ", ".join(check.after) or "nothing else"),
    ]
    return f"{check.id} {check.name}: {check.title}\n\n" + "\n".join(f"{name:<9} {text}" for name, text in rows)


def print_report(report: Report) -> None:
    """Print a report for people: the worse, the later, and what is left to say at the very end."""
    console = Console(highlight=False, emoji=False, markup=False)
    console.width = min(console.width, _MOST_WIDTH)
    table = Table.grid(padding=(0, 1))
    ordered = sorted(report.results, key=lambda result: result.check.id)
    for status in _ORDER:
        results = [result for result in ordered if result.finding.status is status]
        rows = _skipped(results) if status is Status.SKIPPED else map(_row, results)
        for name, text in rows:
            word, style = _WORDS[status]
            table.add_row(Text(word, style=style), Text(name, style="bold"), Text(printable(text)))
    console.print(table)
    console.print()
    for outcome, (words, style) in _OUTCOMES.items():
        purposes = [each for each in Purpose if each in report.purposes and report.outcome_for(each) is outcome]
        if purposes:
            console.print(Text.assemble((f"for {', '.join(purposes)}: ", "bold"), (words, style)))
    left = still_works(report)
    if left is not None:
        console.print(Text(left))


def _row(result: Result) -> tuple[str, str]:
    finding = result.finding
    lines = [f"{result.check.title}: {finding.seen}", finding.meaning, finding.remedy and f"→ {finding.remedy}"]
    return result.check.id, "\n".join(filter(None, lines))


def _skipped(results: list[Result]) -> Iterator[tuple[str, str]]:
    """Give one row for each cause."""
    by_cause = sorted(results, key=lambda result: result.finding.seen)
    for seen, group in groupby(by_cause, key=lambda result: result.finding.seen):
        yield "", f"{seen}: {' '.join(result.check.id for result in group)}"
