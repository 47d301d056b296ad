"""Roots on the command line: Intel's by its name, any other by its certificate; the vendors' where none is named."""

from pathlib import Path

import click

from caisson.cli.files import named
from caisson.errors import UsageError
from caisson.evidence import INTEL_SGX_ROOT, VENDOR_ROOTS, RootKey
from caisson.evidence.policy import INTEL_ROOT_NAME

ROOT_FORMS = f"`{INTEL_ROOT_NAME}`, or a PEM file; may be repeated.  [default: the vendors']"
_HINT = f"a root is `{INTEL_ROOT_NAME}` or a PEM file"

roots_option = click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="ROOT",
    help=f"Whose word counts: {ROOT_FORMS}",
)


def roots_or_vendors(names: tuple[str, ...]) -> frozenset[RootKey]:
    """Give the keys of the roots that were named, or those of the vendors if none was.

    Raises:
        UsageError: a file cannot be read.
        Malformed: it is no certificate.
    """
    return root_keys(names) if names else VENDOR_ROOTS


def root_keys(names: tuple[str, ...]) -> frozenset[RootKey]:
    """Give the keys of the roots that were named.

    Raises:
        UsageError: a file cannot be read.
        Malformed: it is no certificate.
    """
    return frozenset(map(_root_key, names))


def _root_key(name: str) -> RootKey:
    if name == INTEL_ROOT_NAME:
        return INTEL_SGX_ROOT
    try:
        with named(Path(name), hint=_HINT):
            return RootKey.of_pem(Path(name).read_bytes())
    except OSError as cause:
        raise UsageError(f"cannot read `{name}`: {cause.strerror}", hint=_HINT) from cause
