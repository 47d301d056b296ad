"""`caisson manifest`: what a manifest gives away, what it says, how to bring it up to date, and what a change means."""

from pathlib import Path
from typing import Any

import click

from caisson import oci
from caisson.cli.files import PUBLIC, force_option, read_bytes, write_new
from caisson.cli.manifest_source import catalog_subject, foreign, subject_of, version_of
from caisson.cli.output import Exit, emit, json_option, say
from caisson.cli.registry import registry_options
from caisson.deploy import exposures
from caisson.enclave.manifest import (
    Finding,
    Foreign,
    Key,
    Severity,
    Subject,
    diff,
    explain,
    explain_keys,
    lint,
    migrate,
    spell,
)
from caisson.errors import UsageError

_SEVERITIES = [severity.word for severity in Severity]


@click.group(epilog="\b\nExample:\n  caisson manifest lint app.manifest.template")
def command() -> None:
    """Examine, explain, migrate and compare manifests of Gramine, anyone's."""


@command.command(
    name="lint",
    epilog="\b\nExample:\n  caisson manifest lint app.manifest.template\n"
    "  caisson manifest lint docker://registry.example/redis:7.0 --deployment compose.yaml",
)
@click.argument("source", required=False)
@click.option("--catalog", "entry", metavar="NAME", help="Examine the recipe of an entry of the catalog.")
@click.option(
    "--deployment",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Also examine this deployment: Compose or Kubernetes, YAML.",
)
@click.option(
    "--fail-on",
    type=click.Choice(_SEVERITIES),
    default=Severity.HIGH.word,
    show_default=True,
    help="Exit with 1 for findings at least as bad as this.",
)
@registry_options
@json_option
@click.pass_context
def lint_command(
    context: click.Context,
    *,
    source: str | None,
    entry: str | None,
    deployment: Path | None,
    fail_on: str,
    access: oci.Access,
    as_json: bool,
) -> None:
    """Look for what gives something away in SOURCE: a manifest or template, a recipe, or a confidential image.

    All rules, with reasons and fixes: docs/reference/lint.md.
    """
    subject = _with_deployment(_subject(source, entry, access), deployment)
    findings = lint(subject)
    emit({"findings": [_finding(finding) for finding in findings]}, human=_report(findings), as_json=as_json)
    if any(finding.rule.severity >= Severity[fail_on.upper()] for finding in findings):
        context.exit(Exit.REJECTED)


@command.command(
    name="explain",
    epilog="\b\nExample:\n  caisson manifest explain app.manifest.template\n"
    "  caisson manifest explain docker-archive:image.tar\n  caisson manifest explain sgx.edmm_enable",
)
@click.argument("what", required=False)
@registry_options
@json_option
def explain_command(*, what: str | None, access: oci.Access, as_json: bool) -> None:
    """Say in plain words what the manifest in a file or an image says; or what a key, or a part of one, means; or all.

    Of an image, nothing is verified: `caisson verify` does that.
    """
    manifest = None if what is None else _manifest(what, access)
    if manifest is not None:
        found = explain(manifest)
        data = [
            {
                "path": each.path,
                "value": _plain(each.path, each.value),
                "class": _class(each.key),
                "meaning": each.meaning,
            }
            for each in found
        ]
        human = "\n".join(
            f"{item['path']} = {_words(item['value'])}\n    [{item['class'] or '?'}] {item['meaning']}" for item in data
        )
        emit({"settings": data}, human=human, as_json=as_json)
        return
    keys = explain_keys(what or "")
    if not keys:
        raise UsageError(
            f"`{what}` is neither a file nor a key of Gramine 1.9",
            hint="an image needs its tag, or its place, such as `oci:out`; without WHAT, all keys are listed",
        )
    emit({"keys": [_key(key) for key in keys]}, human="\n".join(map(_describe, keys)), as_json=as_json)


@command.command(
    name="migrate",
    epilog="\b\nExample:\n  caisson manifest migrate old.manifest.template --output app.manifest.template",
)
@click.argument("file", type=click.Path(allow_dash=True, dir_okay=False, path_type=Path))
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to.  [default: print]")
@click.option("--syntax-only", is_flag=True, help="Keep what is unsafe.")
@force_option
@json_option
def migrate_command(*, file: Path, output: Path | None, syntax_only: bool, force: bool, as_json: bool) -> None:
    """Bring a manifest or template for Gramine 1.2 or newer to 1.9, and take out of it what gives something away.

    Each change is told on standard error. Comments and `{% %}` statements are not kept.
    """
    migration = migrate(foreign(file), harden=not syntax_only)
    if output is not None:
        write_new(output, migration.text.encode(), mode=PUBLIC, force=force)
    for change in () if as_json else migration.changes:
        say(change)
    human = migration.text.rstrip("\n") if output is None else f"{output}: {len(migration.changes)} changes"
    emit({"manifest": migration.text, "changes": list(migration.changes)}, human=human, as_json=as_json)


@command.command(name="diff", epilog="\b\nExample:\n  caisson manifest diff old.manifest.sgx new.manifest.sgx")
@click.argument("before")
@click.argument("after")
@registry_options
@json_option
@click.pass_context
def diff_command(context: click.Context, *, before: str, after: str, access: oci.Access, as_json: bool) -> None:
    """Compare two manifests or confidential images: what changed, and what it means for policies and kept data.

    Exits with 1 if they differ. Of two manifests it is assumed that they have the same loader and signer.
    """
    found = diff(version_of(before, access), version_of(after, access))
    changes = [
        {
            "path": each.path,
            "before": _plain(each.path, each.before),
            "after": _plain(each.path, each.after),
            "class": _class(each.key),
        }
        for each in found.changes
    ]
    data = {
        "changes": changes,
        "mrenclave_changes": not found.same_enclave,
        "consequences": list(found.consequences),
    }
    lines = [
        f"[{each['class'] or '?'}] {each['path']}: {_words(each['before'])} -> {_words(each['after'])}"
        for each in changes
    ]
    if not changes and not found.same_bytes:
        lines.append("only spelling, order or comments differ; they are measured, too")
    emit(data, human="\n".join((*lines, *found.consequences)), as_json=as_json)
    if not found.nothing:
        context.exit(Exit.REJECTED)


def _subject(source: str | None, entry: str | None, access: oci.Access) -> Subject:
    if (source is None) == (entry is None):
        raise UsageError("one thing is examined at a time", hint="give either SOURCE or `--catalog NAME`")
    return catalog_subject(entry) if entry is not None else subject_of(str(source), access)


def _with_deployment(subject: Subject, deployment: Path | None) -> Subject:
    if deployment is None:
        return subject
    return Subject(
        manifest=subject.manifest,
        service=subject.service,
        contents=subject.contents,
        origin=subject.origin,
        exposed=exposures(read_bytes(deployment)),
    )


def _finding(finding: Finding) -> dict[str, Any]:
    rule = finding.rule
    return {
        "rule": rule.id,
        "severity": rule.severity.word,
        "title": rule.title,
        "where": finding.where,
        "reason": rule.reason,
        "fix": rule.fix,
    }


def _report(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "nothing found"
    return "\n".join(f"{finding}\n    fix: {finding.rule.fix}" for finding in findings)


def _plain(path: str, value: Any) -> Any:
    """Give a value as JSON has it; keys that stand in a manifest are not repeated elsewhere."""
    if value is not None and (path.startswith("fs.insecure__keys.") or "protected_files_key" in path):
        return "(a key)"
    return value if isinstance(value, (str, int, bool, list, type(None))) else str(value)


def _words(value: Any) -> str:
    return "nothing" if value is None else spell(value)


def _class(key: Key | None) -> str | None:
    return None if key is None else key.security.value


def _key(key: Key) -> dict[str, Any]:
    return {
        "name": key.name,
        "values": key.values,
        "default": key.default,
        "class": key.security.value,
        "meaning": key.meaning,
    }


def _describe(key: Key) -> str:
    default = "" if key.default is None else f"; default {str(key.default).lower()}"
    return f"{key.name}: {key.values}{default}\n    [{key.security.value}] {key.meaning}"


def _manifest(what: str, access: oci.Access) -> Foreign | None:
    """Read the manifest in a file or an image; none where a key is meant, which has neither colon nor slash."""
    if what == "-" or Path(what).is_file():
        return foreign(Path(what))
    return Foreign.parse(version_of(what, access).raw) if set(what) & set(":/") else None
