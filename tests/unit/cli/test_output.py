"""What strangers say is shown, and not obeyed."""

import logging

import pytest

from caisson.cli.log import OneLine
from caisson.cli.output import complain, emit
from caisson.errors import ImageRejected

EVIL = "x\x1b[2J\x9b\u202e\udc80\nall is well"
SHOWN = r"x\x1b[2J\x9b\x202e\xdc80"


def test_an_error_moves_no_cursor_and_begins_no_line(capsys):
    complain(ImageRejected(f"path leaves the archive: {EVIL}", hint=EVIL))
    assert capsys.readouterr().err == (
        f"error: path leaves the archive: {SHOWN}\n  all is well\nhint: {SHOWN}\n  all is well\n"
    )


def test_a_result_moves_no_cursor(capsys):
    emit({}, human=f"{EVIL}\tand more, ünïcödé 🐋 too", as_json=False)
    assert capsys.readouterr().out == f"{SHOWN}\nall is well\tand more, ünïcödé 🐋 too\n"


@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
def test_a_record_of_the_log_is_one_line(level):
    record = logging.LogRecord("n", level, "f", 1, "refused: %s", (EVIL,), None)
    assert OneLine("%(message)s").format(record) == rf"refused: {SHOWN}\x0aall is well"
