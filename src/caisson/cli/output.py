"""How commands speak: data on stdout, talk on stderr, JSON when asked, and one table of exit codes."""

import json
import sys
import unicodedata
from enum import IntEnum
from typing import Any

import click
from rich.console import Console

from caisson.errors import CaissonError, Unavailable, UsageError

JSON_VERSION = 1
# Controls, marks that change directions, and halves of pairs that no text can hold (Unicode's general categories).
_OBEYED = frozenset({"Cc", "Cf", "Cs"})

talk = Console(stderr=True, highlight=False, emoji=False)


class Exit(IntEnum):
    """All exit codes; others are reserved."""

    YES = 0
    REJECTED = 1
    USAGE = 2
    NO_VERDICT = 3
    BUG = 70


def emit(data: dict[str, Any], *, human: str, as_json: bool) -> None:
    """Print a command's result: `data` as versioned JSON, or `human` for people."""
    if as_json:
        click.echo(json.dumps({"version": JSON_VERSION, **data}, indent=2))
    else:
        click.echo(printable(human))


def complain(error: CaissonError) -> Exit:
    """Print `error:` and `hint:` lines, and give the exit code that belongs to the error."""
    print_error(error.message, error.hint)
    match error:
        case UsageError():
            return Exit.USAGE
        case Unavailable():
            return Exit.NO_VERDICT
        case _:
            return Exit.REJECTED


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
