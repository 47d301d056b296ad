"""`caisson sign`: signs a confidential image that exists, here or wherever the key is."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from caisson import oci
from caisson.cli.build import describe, human
from caisson.cli.files import PUBLIC, force_option, read_bytes, write_new
from caisson.cli.output import emit, json_option
from caisson.cli.registry import registry_options
from caisson.cli.signer import key_option, open_signer, secret_option
from caisson.conversion import ConfidentialImage, PreparedImage, SigningRequest, attach_detached, open_prepared
from caisson.enclave import load_public_key
from caisson.errors import UsageError

_EPILOG = """\b
Examples:
  caisson sign --key "pkcs11:token=hsm;object=author?module-path=$MODULE" oci:out:app oci:out:signed
  caisson sign --export app.tbs oci:out:app
  openssl dgst -sha256 -sign signing-key.pem -out app.tbs.sig app.tbs
  caisson sign --import app.tbs --public-key signing-key.pub oci:out:app oci:out:signed
"""
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(epilog=_EPILOG)
@click.argument("image")
@click.argument("destination", metavar="[DEST]", required=False)
@key_option()
@secret_option
@click.option(
    "--export", "exported", type=click.Path(path_type=Path), help="Write what is to be signed, and FILE.json."
)
@click.option("--import", "imported", type=click.Path(path_type=Path), help="Attach a signature to what was exported.")
@click.option("--signature", type=click.Path(path_type=Path), help="The signature to import.  [default: FILE.sig]")
@click.option("--public-key", type=click.Path(path_type=Path), help="The key that made it (PEM).")
@force_option
@registry_options
@json_option
def command(  # noqa: PLR0913 - one parameter for each option
    *,
    image: str,
    destination: str | None,
    key: str | None,
    passphrase_file: BinaryIO | None,
    exported: Path | None,
    imported: Path | None,
    signature: Path | None,
    public_key: Path | None,
    force: bool,
    access: oci.Access,
    as_json: bool,
) -> None:
    """Sign the confidential IMAGE, signed or not, and write it to DEST.

    It is verified first: nothing that was changed is signed. Either --key signs at once, with a file or a token, or
    --export writes the 256 bytes to sign (RSASSA-PKCS1-v1_5, SHA-256), any holder of an RSA-3072 key with exponent 3
    signs them, and --import checks what comes back. For one key there is one image, whichever way it is signed.
    """
    match (key, exported, imported, public_key, destination):
        case (str(), None, None, None, str()):
            attach = partial(_sign, key=key, secret_file=passphrase_file)
        case (None, None, Path(), Path(), str()):
            attach = partial(_import, request=imported, signature=signature, public_key=public_key)
        case (None, Path(), None, None, None):
            _export(image, access, exported, force=force, as_json=as_json)
            return
        case _:
            raise UsageError(
                "give `--key KEY IMAGE DEST`, `--export FILE IMAGE`, or `--import FILE --public-key PEM IMAGE DEST`",
                hint="see `caisson sign --help`",
            )
    sink = oci.sink(oci.Reference.parse(destination), access)
    with _opened(image, access) as (found, prepared):
        signed = attach(found, prepared)
        sink.write(signed.image, overwrite=force)
    emit(describe(signed, destination), human=human(signed, destination), as_json=as_json)


@contextmanager
def _opened(reference: str, access: oci.Access) -> Iterator[tuple[oci.Image, PreparedImage]]:
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        found = oci.source(oci.Reference.parse(reference), access).read(scratch=Path(directory))
        yield found, open_prepared(found, scratch=Path(directory))


def _sign(_: oci.Image, prepared: PreparedImage, *, key: str, secret_file: BinaryIO | None) -> ConfidentialImage:
    with open_signer(key, secret_file) as signer:
        return prepared.sign(signer)


def _export(image: str, access: oci.Access, file: Path, *, force: bool, as_json: bool) -> None:
    with _opened(image, access) as (found, prepared):
        request = SigningRequest.of(found, prepared)
    write_new(file, request.to_be_signed, mode=PUBLIC, force=force)
    write_new(_description(file), request.description, mode=PUBLIC, force=force)
    emit(
        {"exported": str(file), "description": json.loads(request.description)},
        human=request.description.decode().rstrip(),
        as_json=as_json,
    )


def _import(
    found: oci.Image, prepared: PreparedImage, *, request: Path, signature: Path | None, public_key: Path
) -> ConfidentialImage:
    return attach_detached(
        SigningRequest(to_be_signed=read_bytes(request), description=read_bytes(_description(request))),
        found,
        prepared,
        modulus=load_public_key(read_bytes(public_key)),
        signature=read_bytes(signature or request.with_name(f"{request.name}.sig")),
    )


def _description(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")
