"""Roots on the command line: Intel's by its name, any other by its certificate."""

from pathlib import Path

import click

from caisson.cli.files import named
from caisson.errors import UsageError
from caisson.evidence import INTEL_SGX_ROOT, RootKey

INTEL = "intel-sgx"
_HINT = f"a root is `{INTEL}` or a PEM file"

roots_option = click.option(
    "--root",
    "roots",
    multiple=True,
    default=[INTEL],
    show_default=True,
    metavar="ROOT",
    help=f"Whose word counts: `{INTEL}`, or a PEM file; may be repeated.",
)


def root_keys(names: tuple[str, ...]) -> frozenset[RootKey]:
    """Give the keys of the roots that were named.

    Raises:
        UsageError: a file cannot be read.
        Malformed: it is no certificate.
    """
    return frozenset(map(_root_key, names))


def _root_key(name: str) -> RootKey:
    if name == INTEL:
        return INTEL_SGX_ROOT
    try:
        with named(Path(name), hint=_HINT):
            return RootKey.of_pem(Path(name).read_bytes())
    except OSError as cause:
        raise UsageError(f"cannot read `{name}`: {cause.strerror}", hint=_HINT) from cause
