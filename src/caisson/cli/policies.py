"""Policies for evidence in files, which errors name."""

from pathlib import Path

import click

from caisson.cli.files import PUBLIC, named, read_bytes, write_new
from caisson.errors import Malformed, UsageError
from caisson.evidence import AnyPolicy, Policy, parse_policy

output_option = click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Where it goes.  [default: standard output]"
)


def read_policy(path: Path) -> AnyPolicy:
    """Read a policy for evidence of any kind.

    Raises:
        UsageError: it cannot be read.
        Malformed: not a policy for evidence.
    """
    with named(path):
        return parse_policy(read_bytes(path))


def asked_policy(path: Path) -> AnyPolicy:
    """Read the policy of a question about evidence: without one, the question makes no sense, and is not answered.

    Raises:
        UsageError: it cannot be read, or is not a policy for evidence.
    """
    try:
        return read_policy(path)
    except Malformed as error:
        raise UsageError(error.message, hint=error.hint) from error


def read_enclave_policy(path: Path) -> Policy:
    """Read a policy for SGX enclaves.

    Raises:
        UsageError: it cannot be read.
        Malformed: not such a policy.
    """
    with named(path):
        return Policy.parse(read_bytes(path))


def write_policy(text: str, output: Path | None, *, force: bool) -> None:
    """Write a policy to a file, or to standard output if there is none.

    Raises:
        UsageError: the file exists, or cannot be written.
    """
    if output is None:
        click.echo(text, nl=False)
    else:
        write_new(output, text.encode(), mode=PUBLIC, force=force)
