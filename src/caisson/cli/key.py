"""`caisson key`: the keys that sign enclaves."""

from pathlib import Path
from typing import BinaryIO

import click

from caisson.cli.files import SECRET, force_option, passphrase_option, read_passphrase, write_new
from caisson.cli.output import emit, json_option, say
from caisson.cli.signer import open_signer, secret_option
from caisson.enclave import SigningKey, mr_signer_of, public_pem


@click.group(epilog="\b\nExample:\n  caisson key generate --output signing-key.pem")
def command() -> None:
    """Make and look at the keys that sign enclaves (RSA-3072 with exponent 3)."""


@command.command(epilog="\b\nExample:\n  caisson key generate --output signing-key.pem")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("signing-key.pem"),
    show_default=True,
    help="Where the private key goes (PEM).",
)
@passphrase_option
@force_option
@json_option
def generate(output: Path, passphrase_file: BinaryIO | None, *, force: bool, as_json: bool) -> None:
    """Make a new key, and print the MRSIGNER of what it will sign.

    The file can be read by its owner only. With a passphrase it is encrypted.
    """
    passphrase = read_passphrase(passphrase_file)
    key = SigningKey.generate()
    write_new(output, key.to_pem(passphrase), mode=SECRET, force=force)
    if not as_json:
        say(f"the key is in {output}: keep it safe, and a copy of it")
    emit({"key": str(output), "mrsigner": str(key.mr_signer)}, human=str(key.mr_signer), as_json=as_json)


@command.command(epilog="\b\nExample:\n  caisson key show signing-key.pem")
@click.argument("key")
@secret_option
@click.option("--public", is_flag=True, help="Print the public key instead (PEM).")
@json_option
def show(key: str, passphrase_file: BinaryIO | None, *, public: bool, as_json: bool) -> None:
    """Print the MRSIGNER that belongs to KEY: a PEM file, or the `pkcs11:…` URI of a key in a token."""
    with open_signer(key, passphrase_file) as signer:
        modulus = signer.modulus
    mr_signer, pem = str(mr_signer_of(modulus)), public_pem(modulus).decode()
    emit({"mrsigner": mr_signer, "public_key": pem}, human=pem.rstrip() if public else mr_signer, as_json=as_json)
