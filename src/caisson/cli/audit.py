"""`caisson audit`: what the key server did, and whether the record of it is whole."""

from collections.abc import Iterator
from pathlib import Path

import click

from caisson.cli.connection import Connection, connection_options, moment, operator_options
from caisson.cli.files import PUBLIC, force_option, write_new
from caisson.cli.hexadecimal import Hexadecimal
from caisson.cli.output import emit, json_option
from caisson.cli.table import table
from caisson.errors import AuditRejected, UsageError
from caisson.keyserver import AuditDigest, AuditRecord, KeyServerClient, verify_chain


@click.group(
    epilog="""\b
Example:
  caisson audit verify --head 4f0c…"""
)
def command() -> None:
    """Read and check the key server's audit log."""


@command.command(
    "list",
    epilog="""\b
Example:
  caisson audit list --kind activation-refused""",
)
@click.option("--kind", help="Only records of this kind.")
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@json_option
@operator_options
def list_records(*, kind: str | None, last: int, as_json: bool, client: KeyServerClient) -> None:
    """List the last records, after checking the whole chain."""
    records = [record for record in verify_chain(client.audit_lines()) if kind in (None, record.kind)][-last:]
    rows = [("NUMBER", "TIME", "KIND", "WHO", "WHAT"), *map(_row, records)]
    data = [
        {
            "sequence": record.sequence,
            "time": record.time,
            "kind": record.kind,
            "actor": record.actor,
            "details": record.details,
            "digest": str(record.digest),
        }
        for record in records
    ]
    emit({"records": data}, human=table(rows, empty="no such records"), as_json=as_json)


@command.command(
    epilog="""\b
Example:
  caisson audit verify --head 4f0c…
  caisson audit verify --file audit.jsonl --head 4f0c…"""
)
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), help="Check an export; asks no server.")
@click.option(
    "--head",
    "heads",
    type=Hexadecimal(AuditDigest),
    multiple=True,
    help="A head that you kept; the log must contain it. Repeatable.",
)
@json_option
@connection_options
def verify(*, file: Path | None, heads: tuple[AuditDigest, ...], as_json: bool, connection: Connection) -> None:
    """Check the chain of the audit log, up to the head that the key server signs.

    In an export, records that are missing at the end go unnoticed unless you give the head.
    """
    kept = frozenset(heads)
    if file is not None:
        _report(_read_lines(file), kept, as_json=as_json)
        return
    with connection.client() as client:
        signed = client.audit_head()
        _report(client.audit_lines(), kept | {signed.digest}, as_json=as_json)


@command.command(
    epilog="""\b
Example:
  caisson audit export audit.jsonl"""
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@force_option
@json_option
@operator_options
def export(file: Path, *, force: bool, as_json: bool, client: KeyServerClient) -> None:
    """Write the log to FILE, one record a line, after checking the chain; prints the head to keep."""
    signed = client.audit_head()
    lines = list(client.audit_lines())
    records = list(verify_chain(lines, heads=frozenset({signed.digest})))
    write_new(file, b"".join(line + b"\n" for line in lines), mode=PUBLIC, force=force)
    head = str(records[-1].digest)
    human = f"{len(records)} records are in `{file}`\nhead {head}"
    emit({"records": len(records), "head": head}, human=human, as_json=as_json)


def _report(lines: Iterator[bytes], heads: frozenset[AuditDigest], *, as_json: bool) -> None:
    count, head = 0, None
    for record in verify_chain(lines, heads=heads):
        count, head = count + 1, str(record.digest)
    if head is None:
        raise AuditRejected("the log holds no record, and every log begins with its server's first")
    human = f"the chain of {count} records is whole\nhead {head}"
    emit({"records": count, "head": head}, human=human, as_json=as_json)


def _read_lines(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as source:
            for line in source:
                yield line.removesuffix(b"\n")
    except OSError as cause:
        raise UsageError(f"cannot read `{file}`: {cause.strerror}") from cause


def _row(record: AuditRecord) -> tuple[str, ...]:
    what = ("workload", "secret", "name", "reason", "mrenclave", "server_key_sha256")
    facts = (f"{name}={record.details[name]}" for name in what if name in record.details)
    return str(record.sequence), moment(record.time), record.kind, record.actor, " ".join(facts)[:200]
