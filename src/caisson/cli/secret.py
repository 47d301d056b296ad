"""`caisson secret`: values that only attested programs receive."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from caisson.cli.connection import moment, operator_options
from caisson.cli.files import SECRET, force_option, write_new
from caisson.cli.output import emit, json_option
from caisson.cli.table import table
from caisson.errors import UsageError
from caisson.keyserver import (
    Generation,
    KeyServerClient,
    RecordInfo,
    Secret,
    SecretKind,
)


@click.group(
    epilog="""\b
Example:
  caisson secret generate redis-password --kind password"""
)
def command() -> None:
    """Keep secrets on the key server. They are never given as arguments, which everybody on a machine can read."""


@command.command(
    "set",
    epilog="""\b
Example:
  caisson secret set database-url < url.txt
  caisson secret set license --from-file license.bin""",
)
@click.argument("name")
@click.option(
    "--from-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take the value from a file, not standard input.",
)
@click.option("--keep-newline", is_flag=True, help="Keep a line end at the end of standard input.")
@json_option
@operator_options
def set_secret(
    name: str, *, from_file: Path | None, keep_newline: bool, as_json: bool, client: KeyServerClient
) -> None:
    """Store the next version of secret NAME, from standard input or a file.

    One line end is taken off standard input, because terminals and `echo` add it; files are stored as they are.
    """
    value = _read_value(from_file, keep_newline=keep_newline)
    info = client.set_secret(name, value)
    emit({"secret": asdict(info)}, human=f"secret `{name}` is set, version {info.version}", as_json=as_json)


@command.command(
    epilog="""\b
Example:
  caisson secret generate redis-password --kind password --length 40
  caisson secret generate disk-key --kind symmetric-key --length 16"""
)
@click.argument("name")
@click.option("--kind", type=click.Choice([kind.value for kind in SecretKind]), required=True, help="What to make.")
@click.option("--length", type=click.IntRange(min=1), help="Characters (32) or bytes (16).")
@click.option("--alphabet", help="Characters of a password; letters and digits by default.")
@click.option("--if-absent", is_flag=True, help="Keep the secret if there is one.")
@json_option
@operator_options
def generate(
    name: str,
    *,
    kind: str,
    length: int | None,
    alphabet: str | None,
    if_absent: bool,
    as_json: bool,
    client: KeyServerClient,
) -> None:
    """Let the key server make the next version of secret NAME; nobody sees it."""
    generation = Generation(kind=SecretKind(kind), length=length, alphabet=alphabet)
    info, made = client.generate_secret(name, generation, if_absent=if_absent)
    done = "was made" if made else "was there already"
    emit(
        {"secret": asdict(info), "made": made},
        human=f"secret `{name}` {done}, version {info.version}",
        as_json=as_json,
    )


@command.command(
    "list",
    epilog="""\b
Example:
  caisson secret list""",
)
@json_option
@operator_options
def list_secrets(*, as_json: bool, client: KeyServerClient) -> None:
    """List all secrets, without their values."""
    found = client.secrets()
    rows = [("NAME", "VERSION", "KIND", "BYTES", "SET"), *map(_row, found)]
    emit({"secrets": [asdict(info) for info in found]}, human=table(rows, empty="no secrets"), as_json=as_json)


@command.command(
    epilog="""\b
Example:
  caisson secret show redis-password"""
)
@click.argument("name")
@json_option
@operator_options
def show(name: str, *, as_json: bool, client: KeyServerClient) -> None:
    """Tell what may be known of secret NAME without its value."""
    info = client.secret_info(name)
    human = f"secret `{name}`, version {info.version}: {info.label}, {info.size} bytes, set {moment(info.created)}"
    emit({"secret": asdict(info)}, human=human, as_json=as_json)


@command.command(
    epilog="""\b
Example:
  caisson secret get redis-password --reveal --output password.txt"""
)
@click.argument("name")
@click.option("--reveal", is_flag=True, help="Really do it; the audit log will say so.")
@click.option("--secret-version", type=click.IntRange(min=1), help="An older version.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file (0600) instead.")
@force_option
@operator_options
def get(
    name: str, *, reveal: bool, secret_version: int | None, output: Path | None, force: bool, client: KeyServerClient
) -> None:
    """Take secret NAME out of the key server, byte for byte."""
    if not reveal:
        raise UsageError(f"this shows secret `{name}`", hint="say so with `--reveal`; the audit log will say so too")
    value = client.reveal_secret(name, secret_version)
    if output is None:
        sys.stdout.buffer.write(value.reveal())
        return
    write_new(output, value.reveal(), mode=SECRET, force=force)


@command.command(
    epilog="""\b
Example:
  caisson secret remove redis-password --yes"""
)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Really do it.")
@json_option
@operator_options
def remove(name: str, *, yes: bool, as_json: bool, client: KeyServerClient) -> None:
    """Destroy all versions of secret NAME."""
    if not yes:
        raise UsageError(f"this destroys secret `{name}` in all versions", hint="say so with `--yes`")
    client.remove_secret(name)
    emit({"removed": name}, human=f"secret `{name}` is destroyed", as_json=as_json)


def _read_value(from_file: Path | None, *, keep_newline: bool) -> Secret:
    if from_file is None:
        value = sys.stdin.buffer.read()
        return Secret(value if keep_newline else value.removesuffix(b"\n").removesuffix(b"\r"))
    try:
        return Secret(from_file.read_bytes())
    except OSError as cause:
        raise UsageError(f"cannot read `{from_file}`: {cause.strerror}") from cause


def _row(info: RecordInfo) -> tuple[str, ...]:
    return info.name, str(info.version), info.label, str(info.size), moment(info.created)
