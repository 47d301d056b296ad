"""The key that signs: a PEM file, or a key that stays in a token."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from caisson.cli.files import named, read_bytes, read_passphrase
from caisson.enclave import Pkcs11Uri, Signer, SigningKey
from caisson.enclave.pkcs11_uri import SCHEME
from caisson.errors import UsageError

PIN_VARIABLE = "CAISSON_PKCS11_PIN"

key_option = partial(
    click.option,
    "--key",
    metavar="KEY",
    help="Key that signs the enclave: a PEM file, or the `pkcs11:…` URI of a key in a token.",
)
secret_option = click.option(
    "--passphrase-file",
    type=click.File("rb"),
    help="File with the key's passphrase, or the token's PIN, on its only line.",
)


@contextmanager
def open_signer(key: str, secret_file: BinaryIO | None) -> Iterator[Signer]:
    """Open a key for as long as the context lasts.

    A token's PIN is in the file, in the one that the URI names (`pin-source`), or in the variable CAISSON_PKCS11_PIN;
    the first of these counts.

    Raises:
        UsageError: there is no such key, or it is not for us.
        Unavailable: the token does not do what it is asked.
    """
    secret = read_passphrase(secret_file)
    if not key.startswith(SCHEME):
        with named(Path(key), hint="make one with `caisson key generate`"):
            loaded = SigningKey.load(read_bytes(Path(key)), secret)
        yield loaded
        return
    # Loading the library of tokens takes longer than all else that a command imports.
    from caisson.enclave.token_key import TokenKey  # noqa: PLC0415

    uri = Pkcs11Uri.parse(key)
    with TokenKey.open(uri, secret or _pin(uri)) as opened:
        yield opened


def _pin(uri: Pkcs11Uri) -> bytes | None:
    if uri.pin_source is not None:
        try:
            with uri.pin_source.open("rb") as file:
                return read_passphrase(file)
        except OSError as cause:
            raise UsageError(f"cannot read `{uri.pin_source}`: {cause.strerror}") from cause
    pin = os.environ.get(PIN_VARIABLE)
    return None if not pin else pin.encode()
