"""What the program says before any command is run."""

import pytest

from caisson.cli.app import run


@pytest.mark.parametrize("words", [[], ["catalog"]])
def test_without_a_command_it_shows_its_help(words, capsys):
    assert run(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Usage: caisson")
    assert "error:" not in said.err


def test_the_list_of_commands_cuts_no_sentence(capsys):
    assert run(["--help"]) == 0
    commands = capsys.readouterr().out.partition("Commands:")[2]
    assert "..." not in commands
    assert "check such proofs." in commands
