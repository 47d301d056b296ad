"""Writes the pages that are made from the program itself; a test checks that they are current.

python docs/generate.py
"""

import json
from pathlib import Path

import click

from caisson.cli.app import app
from caisson.cli.output import Exit
from caisson.conversion import json_schema
from caisson.verifier import document

REFERENCE = Path(__file__).parent / "reference"
MEANINGS = {
    Exit.YES: "yes: done, genuine, accepted",
    Exit.REJECTED: "rejected: examined, and the answer is no",
    Exit.USAGE: "usage: the request cannot be carried out as written",
    Exit.NO_VERDICT: "no verdict: network, collateral or device are missing; retry, never trust",
    Exit.BUG: "a bug in Caisson",
}


def pages() -> dict[Path, str]:
    """Give the text of every generated page."""
    return {REFERENCE / "cli.md": command_line(), REFERENCE / "recipe.schema.json": json_schema(), REFERENCE / "verifier.openapi.json": openapi()}


def openapi() -> str:
    """Give the description of the verifier's API."""
    return json.dumps(document(), indent=2) + "\n"


def command_line() -> str:
    """Give the page about the command line."""
    rows = "\n".join(f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items())
    parts = [
        "# Command line\n\nMade by `docs/generate.py`. Data goes to standard output, talk to standard error; `--json` is versioned. "
        "Every option can be set by a variable: `CAISSON_COMMAND_OPTION`.\n",
        f"| exit code | meaning |\n|---|---|\n{rows}\n\nAll others are reserved.\n",
    ]
    with click.Context(app, info_name="caisson") as context:
        parts.extend(_help(app, context))
    return "\n".join(parts)


def _help(command: click.Command, context: click.Context) -> list[str]:
    context.terminal_width = context.max_content_width = 100
    level = "#" * (context.command_path.count(" ") + 2)
    parts = [f"{level} {context.command_path}\n\n```\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                with click.Context(child, info_name=name, parent=context) as inner:
                    parts.extend(_help(child, inner))
    return parts


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
