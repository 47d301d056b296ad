"""Tables fit a terminal, and are what they are in a pipe."""

import pytest

from caisson.cli import table as table_module
from caisson.cli.table import table

ROWS = [("NAME", "STATE", "WHAT"), ("redis", "running", "keeps " + "values " * 8 + "at-home"), ("x", "", "")]


@pytest.fixture
def terminal(monkeypatch):
    def terminal(columns):
        monkeypatch.setattr(table_module.sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))

    return terminal


def test_a_pipe_gets_one_line_for_each_row():
    assert table(ROWS, empty="none").splitlines() == [
        "NAME   STATE    WHAT",
        f"redis  running  {ROWS[1][2]}",
        "x",
    ]


def test_a_wide_terminal_does_too(terminal):
    terminal(200)
    assert len(table(ROWS, empty="none").splitlines()) == 3


def test_the_last_column_is_broken_between_words(terminal):
    terminal(60)
    lines = table(ROWS, empty="none").splitlines()
    assert max(map(len, lines)) <= 60
    assert [line[:16].strip() for line in lines] == ["NAME   STATE", "redis  running", "", "x"]
    assert " ".join(line[16:] for line in lines[1:3]) == ROWS[1][2]


def test_where_nothing_fits_each_row_is_a_block(terminal):
    terminal(40)
    assert table(ROWS, empty="none") == f"NAME   redis\nSTATE  running\nWHAT   {ROWS[1][2]}\n\nNAME   x\nSTATE\nWHAT"


def test_nothing_is_said_to_be_nothing():
    assert table(ROWS[:1], empty="none") == "none"
