"""How commands speak: data on stdout, talk on stderr, JSON when asked, and one table of exit codes."""

import errno
import json
import sys
import unicodedata
from enum import IntEnum
from typing import Any

import click
from rich.console import Console

from caisson.cli.files import WHOLE
from caisson.errors import (
    AuditRejected,
    CaissonError,
    FileRejected,
    ImageRejected,
    Malformed,
    Unavailable,
    UsageError,
)

JSON_VERSION = 1
# Controls, marks that change directions, and halves of pairs that no text can hold (Unicode's general categories).
_OBEYED = frozenset({"Cc", "Cf", "Cs"})

_FULL = {errno.ENOSPC, errno.EDQUOT}
PLACE = "check the path, who may use it, and the space that is left"
# What to do about an error that says nothing of it itself, by its kind.
_USUAL_HINTS: dict[type[CaissonError], str] = {
    AuditRejected: "keep this log as it is, compare it with what you exported, and ask who could write to it",
    FileRejected: "is it whole, and is it for this key and this path?",
    ImageRejected: "was it copied whole? fetch or build it anew, and compare the digest",
    Malformed: WHOLE,
}

console = Console(stderr=True, highlight=False, emoji=False, markup=False, soft_wrap=True)


class Exit(IntEnum):
    """All exit codes; others are reserved."""

    YES = 0
    REJECTED = 1
    USAGE = 2
    NO_VERDICT = 3
    BUG = 70


def say(text: str, *, style: str | None = None) -> None:
    """Talk to whoever runs a command: a sentence is one line, which a terminal breaks by itself."""
    console.print(printable(text), style=style)


def emit(data: dict[str, Any], *, human: str, as_json: bool) -> None:
    """Print a command's result: `data` as versioned JSON, or `human` for people."""
    if as_json:
        click.echo(json.dumps({"version": JSON_VERSION, **data}, indent=2))
    else:
        click.echo(printable(human))


def complain(error: CaissonError) -> Exit:
    """Print `error:` and `hint:` lines, and give the exit code that belongs to the error."""
    print_error(error.message, _hint_of(error))
    match error:
        case UsageError():
            return Exit.USAGE
        case Unavailable():
            return Exit.NO_VERDICT
        case _:
            return Exit.REJECTED


def _hint_of(error: CaissonError) -> str | None:
    """Give an error's own hint or, where it has none, what mostly helps with such errors."""
    if error.hint is not None:
        return error.hint
    cause = error.__cause__
    if isinstance(cause, OSError) and (cause.filename is not None or cause.errno in _FULL):
        return PLACE
    return next((hint for kind, hint in _USUAL_HINTS.items() if isinstance(error, kind)), None)


def print_error(message: str, hint: str | None = None) -> None:
    """Print an error, and what to do about it."""
    print(f"error: {_indented(message)}", file=sys.stderr)
    if hint is not None:
        print(f"hint: {_indented(hint)}", file=sys.stderr)


def printable(text: str) -> str:
    """Show what a terminal would obey: names in certificates and images are whatever strangers chose."""
    return "".join(
        sign if sign in "\n\t" or unicodedata.category(sign) not in _OBEYED else f"\\x{ord(sign):02x}" for sign in text
    )


def _indented(text: str) -> str:
    """Keep what strangers say from beginning a line of its own."""
    return printable(text).replace("\n", "\n  ")


json_option = click.option("--json", "as_json", is_flag=True, help="Print versioned JSON instead of text.")
