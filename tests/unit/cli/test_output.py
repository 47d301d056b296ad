"""What strangers say is shown, and not obeyed."""

import errno
import logging

import pytest

from caisson.cli.log import OneLine
from caisson.cli.output import PLACE, complain, emit, say
from caisson.errors import (
    AuditRejected,
    BindingRejected,
    FileRejected,
    ImageRejected,
    Malformed,
    Unavailable,
    UsageError,
)

EVIL = "x\x1b[2J\x9b\u202e\udc80\nall is well"
SHOWN = r"x\x1b[2J\x9b\x202e\xdc80"


def test_an_error_moves_no_cursor_and_begins_no_line(capsys):
    complain(ImageRejected(f"path leaves the archive: {EVIL}", hint=EVIL))
    assert capsys.readouterr().err == (
        f"error: path leaves the archive: {SHOWN}\n  all is well\nhint: {SHOWN}\n  all is well\n"
    )


def caused(error, cause):
    error.__cause__ = cause
    return error


FULL = OSError(errno.ENOSPC, "No space left on device")
MISSING = OSError(errno.ENOENT, "No such file or directory", "/some/path")
REFUSED = OSError(errno.ECONNREFUSED, "Connection refused")


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (Malformed("x", hint="its own"), "hint: its own"),
        (Malformed("x"), "hint: is it what you meant, and was it copied whole?"),
        (ImageRejected("x"), "hint: was it copied whole? fetch or build it anew, and compare the digest"),
        (FileRejected("x"), "hint: is it whole, and is it for this key and this path?"),
        (
            AuditRejected("x"),
            "hint: keep this log as it is, compare it with what you exported, and ask who could write to it",
        ),
        (caused(UsageError("x"), MISSING), f"hint: {PLACE}"),
        (caused(Unavailable("x"), FULL), f"hint: {PLACE}"),
        (caused(Unavailable("x"), REFUSED), None),
        (UsageError("x"), None),
        (BindingRejected("x"), None),
    ],
)
def test_an_error_without_a_hint_gets_that_of_its_kind(error, hint, capsys):
    complain(error)
    assert capsys.readouterr().err.splitlines() == ["error: x", *([hint] if hint else [])]


def test_the_systems_words_are_told_without_its_numbers(capsys):
    complain(Unavailable(f"it does not answer: {OSError(errno.ECONNREFUSED, 'Connection refused')}"))
    assert capsys.readouterr().err == "error: it does not answer: Connection refused\n"


def test_talk_moves_no_cursor_breaks_no_sentence_and_swallows_no_bracket(capsys):
    say(f"{EVIL} [red]x[/] [source.image] {'long ' * 40}end", style="bold")
    assert capsys.readouterr().err == f"{SHOWN}\nall is well [red]x[/] [source.image] {'long ' * 40}end\n"


def test_a_result_moves_no_cursor(capsys):
    emit({}, human=f"{EVIL}\tand more, ünïcödé 🐋 too", as_json=False)
    assert capsys.readouterr().out == f"{SHOWN}\nall is well\tand more, ünïcödé 🐋 too\n"


@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
def test_a_record_of_the_log_is_one_line(level):
    record = logging.LogRecord("n", level, "f", 1, "refused: %s", (EVIL,), None)
    assert OneLine("%(message)s").format(record) == rf"refused: {SHOWN}\x0aall is well"
