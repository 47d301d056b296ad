"""What the program says before any command is run."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from caisson.cli.app import app, run


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


def test_the_list_of_commands_says_what_they_say_themselves_and_imports_none_of_them():
    script = (
        "import sys; from caisson.cli.app import run; run(['--help']);"
        " print([name for name in sys.modules if name in ('caisson.cli.up', 'caisson.evidence', 'caisson.oci')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    listed = " ".join(done.stdout.partition("Commands:")[2].split())
    context = click.Context(app)
    for name in app.list_commands(context):
        assert f"{name} {app.get_command(context, name).get_short_help_str(limit=200)}" in listed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "error: no such command `nothing`"),
        (["verify"], "error: missing argument `IMAGE`"),
        (["verify", "--nothing"], "error: no such option `--nothing`"),
        (
            ["build", "--recipe", "nothing.toml", "x"],
            "error: invalid value for `--recipe`: File `nothing.toml` does not exist",
        ),
    ],
)
def test_what_was_typed_wrongly_is_said_as_all_errors_are(capsys, words, said):
    assert run(words) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.removesuffix(".") == said
    assert second.startswith("hint: try `caisson")


def test_what_the_system_refuses_is_no_bug(capsys, tmp_path):
    (tmp_path / "file").touch()
    wrong = tmp_path / "file" / "redis"
    assert run(["catalog", "init", "redis", str(wrong)]) == 3
    assert capsys.readouterr().err == (
        f"error: the system refuses `{tmp_path / 'file'}`: File exists\n"
        "hint: check the path, who may use it, and the space that is left\n"
    )


@pytest.mark.parametrize("width", ["40", "57", "80"])
def test_help_breaks_no_name_at_a_hyphen(width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", width)
    for command in ("build", "serve-verifier"):
        assert run([command, "--help"]) == 0
        said = capsys.readouterr().out
        assert "\N{NON-BREAKING HYPHEN}" not in said
        assert not [line for line in said.splitlines() if line.endswith("-")]
    assert "/.well-known/jwks.json" in said


def _caisson(*words, stdout):
    done = subprocess.run(
        [sys.executable, "-m", "caisson.cli", *words], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_nobody_takes_is_no_answer(unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("w") as full:
        code, said = _caisson("catalog", "list", stdout=full)
    assert code == 3
    assert said.startswith("error: the system refuses: No space left on device\nhint: ")
    reader, writer = os.pipe()
    os.close(reader)
    assert _caisson("catalog", "list", stdout=writer) == (3, "")
    os.close(writer)
