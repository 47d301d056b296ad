"""`caisson enclave`: measure and sign from nothing but files, so that anyone can check us."""

from pathlib import Path
from typing import BinaryIO

import click

from caisson.cli.files import PUBLIC, force_option, write_new
from caisson.cli.output import emit, json_option
from caisson.cli.signer import key_option, open_signer, secret_option
from caisson.enclave import measure, sign

_pal_option = click.option("--pal", type=click.File("rb"), required=True, help="ELF file of the PAL (`libpal.so`).")
_manifest_option = click.option(
    "--manifest", type=click.File("rb"), required=True, help="Measured manifest (`….manifest.sgx`)."
)


@click.group(epilog="\b\nExample:\n  caisson enclave measure --pal libpal.so --manifest app.manifest.sgx")
def command() -> None:
    """Measure and sign enclaves exactly as Gramine does, without Gramine and without SGX."""


@command.command(
    name="measure", epilog="\b\nExample:\n  caisson enclave measure --pal libpal.so --manifest app.manifest.sgx"
)
@_pal_option
@_manifest_option
@json_option
def measure_command(pal: BinaryIO, manifest: BinaryIO, *, as_json: bool) -> None:
    """Print the MRENCLAVE of an enclave."""
    mr_enclave = str(measure(pal.read(), manifest.read()))
    emit({"mrenclave": mr_enclave}, human=mr_enclave, as_json=as_json)


@command.command(
    name="sign",
    epilog="\b\nExample:\n  caisson enclave sign --pal libpal.so --manifest app.manifest.sgx \\\n"
    "    --key signing-key.pem --date 2026-11-23 --output app.sig",
)
@_pal_option
@_manifest_option
@key_option(required=True)
@click.option("--date", metavar="YYYY-MM-DD", required=True, help="Date in the SIGSTRUCT; `0000-00-00` for none.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where the SIGSTRUCT goes."
)
@secret_option
@force_option
@json_option
def sign_command(
    pal: BinaryIO,
    manifest: BinaryIO,
    key: str,
    date: str,
    output: Path,
    passphrase_file: BinaryIO | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Measure an enclave, sign it, and write the SIGSTRUCT (1,808 bytes).

    The same files, key and date always give the same bytes.
    """
    with open_signer(key, passphrase_file) as signer:
        sigstruct = sign(pal.read(), manifest.read(), signer, date=date)
    write_new(output, sigstruct.encode(), mode=PUBLIC, force=force)
    names = {"mrenclave": str(sigstruct.mr_enclave), "mrsigner": str(sigstruct.mr_signer)}
    emit(names, human="\n".join(f"{name} {value}" for name, value in names.items()), as_json=as_json)
