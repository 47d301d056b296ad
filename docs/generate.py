"""Writes the pages that are made from the program itself; a test checks that they are current.

python docs/generate.py
"""

import json
from pathlib import Path

import click

from caisson.cli.app import app
from caisson.cli.output import Exit
from caisson.conversion import json_schema
from caisson.doctor import CHECKS, Purpose
from caisson.evidence import policy_schema
from caisson.verifier import document
from caisson.enclave.manifest import KEYS, RULES, Security

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
    return {
        REFERENCE / "cli.md": command_line(),
        REFERENCE / "recipe.schema.json": json_schema(),
        REFERENCE / "policy.schema.json": policy_schema(),
        REFERENCE / "verifier.openapi.json": openapi(),
        REFERENCE / "manifest.md": manifest_keys(),
        REFERENCE / "lint.md": lint_rules(),
        REFERENCE / "doctor.md": doctor_checks(),
    }


def openapi() -> str:
    """Give the description of the verifier's API."""
    return json.dumps(document(), indent=2) + "\n"


def manifest_keys() -> str:
    """Give the page about the keys of a manifest."""
    classes = "\n".join(f"| {each.value} | {each.words} |" for each in Security)
    parts = [
        "# The manifest\n\nMade by `docs/generate.py` from the table of keys in `caisson.enclave.manifest`, which the model, "
        "`caisson manifest lint` and `explain` are made from, too.\n\n"
        "These are all keys of Gramine 1.9. In names `[]` stands for each item of an array, `*` for a name that the author gives. "
        "*Written* keys stand in every manifest of Caisson's, which never rests on Gramine's default for them; the others "
        "are written where they differ from it. Which manifests are read is in [The confidential image](image.md).\n",
        f"| class | is about |\n|---|---|\n{classes}\n",
    ]
    for table in dict.fromkeys(key.name.partition(".")[0] for key in KEYS):
        parts.append(f"## `{table}`\n\n| key | value | default | class | meaning |\n|---|---|---|---|---|")
        for key in KEYS:
            if key.name.startswith(f"{table}."):
                default = "" if key.default is None else f"`{str(key.default).lower()}`"
                written = " (written)" if key.written else ""
                parts.append(
                    f"| `{key.name}`{written} | {key.values} | {default} | {key.security.value} | {key.meaning} |"
                )
        parts.append("")
    return "\n".join(parts)


def lint_rules() -> str:
    """Give the page about the rules for manifests."""
    parts = [
        "# Rules for manifests\n\nMade by `docs/generate.py` from the rules that `caisson manifest lint` applies. It takes a manifest or "
        "a template of one, a recipe, an entry of the catalog or a confidential image; a deployment comes along with "
        "`--deployment`. Findings of severity high or critical make it exit with 1; `--fail-on` moves the bar.\n\n"
        "A rule is silent where it cannot see: a recipe says nothing of the tools in an image, and a value "
        "that a template still has to fill in is not held against it.\n"
    ]
    for rule in RULES:
        parts.append(
            f"## {rule.id}: {rule.title}\n\n*{rule.severity.word}*; looks at: {rule.looks_at}.\n\n"
            f"Why: {rule.reason}.\n\nWhat to do: {rule.fix}.\n"
        )
    return "\n".join(parts)


def doctor_checks() -> str:
    """Give the page about the doctor's checks."""
    parts = [
        "# The doctor's checks\n\nMade by `docs/generate.py` from the checks that `caisson doctor` makes; "
        "[Troubleshooting](../guides/troubleshooting.md) says how it is used. `caisson doctor --explain ID` prints the same.\n\n"
        "A check whose prerequisite failed says *not looked at*, and names the first cause. Unknown is no failure: it means that "
        "something could not be read. An unknown makes the doctor exit with 3 only if the check *decides* its purpose and nothing failed.\n",
        "| id | name | question | for | decides |\n|---|---|---|---|---|",
    ]
    checks = sorted(CHECKS, key=lambda check: check.id)
    for check in checks:
        purposes = ", ".join(each for each in Purpose if each in check.purposes)
        decides = "yes" if check.decides else ""
        parts.append(f"| [{check.id}](#{check.id.lower()}-{check.name}) | `{check.name}` | {check.title} | {purposes} | {decides} |")
    parts.append("")
    for check in checks:
        after = ", ".join(check.after) or "nothing else"
        parts.append(f"## {check.id} {check.name}\n\n*{check.title}*; after {after}.\n\nLooks at: {check.looks_at}.\n\nWhy: {check.why}.\n")
    return "\n".join(parts)


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
