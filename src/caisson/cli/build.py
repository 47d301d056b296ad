"""`caisson build`: a plain image and a recipe become a confidential image."""

import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import click

from caisson import catalog, oci
from caisson.cli.files import passphrase_option, read_passphrase
from caisson.cli.home import Home, home_option
from caisson.cli.output import emit, json_option, talk
from caisson.conversion import ConfidentialImage, Recipe, convert, plain_image, premain
from caisson.enclave import Signer, SigningKey
from caisson.errors import UsageError
from caisson.protocol import ServerKeyHash

_EPILOG = """\b
Examples:
  caisson build --catalog redis --key signing-key.pem caisson/redis:7.0
  caisson build --recipe caisson.toml --key signing-key.pem docker-archive:app.tar oci:out:app
"""


@click.command(epilog=_EPILOG)
@click.argument("places", metavar="[SOURCE] DEST", nargs=-1, required=True)
@home_option
@click.option(
    "--recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The recipe, a `caisson.toml`."
)
@click.option("--catalog", "entry", metavar="NAME", help="Take the recipe from the catalog.")
@click.option("--key", type=click.File("rb"), required=True, help="Key that signs the enclave (PEM).")
@passphrase_option
@click.option("--key-server-pin", metavar="HEX", help="SHA-256 of the only key server's identity key; measured.")
@click.option("--force", is_flag=True, help="Replace what is at DEST.")
@json_option
def command(  # noqa: PLR0913 - one parameter for each option
    *,
    places: tuple[str, ...],
    home: Home,
    recipe: Path | None,
    entry: str | None,
    key: BinaryIO,
    passphrase_file: BinaryIO | None,
    key_server_pin: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Build a confidential image, without running anything of it.

    SOURCE and DEST are images: `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME]`, or the name
    of an image in Docker; SOURCE may be `rootfs:PATH`, a directory or a tar file. Without SOURCE, the recipe says how
    the plain image is had. The same input gives the same bytes: compare the digest that is printed.
    """
    source, destination = _places(places)
    chosen = _recipe(recipe, entry)
    signer = SigningKey.load(key.read(), read_passphrase(passphrase_file))
    pin = None if key_server_pin is None else ServerKeyHash.from_hex(key_server_pin)
    sink = oci.sink(oci.Reference.parse(destination))
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        built = build_image(source, chosen, signer=signer, cache=home.cache, scratch=Path(directory), pin=pin)
        sink.write(built.image, overwrite=force)
    if chosen.enclave.debug:
        talk.print("warning: this is a debug enclave: whoever runs it can read its memory", style="bold")
    emit(describe(built, destination), human=_human(built, destination), as_json=as_json)


def build_image(
    source: str | None, recipe: Recipe, *, signer: Signer, cache: Path, scratch: Path, pin: ServerKeyHash | None
) -> ConfidentialImage:
    """Fetch the plain image - by the recipe if there is no `source` - and convert it.

    Raises:
        UsageError: neither says where the plain image is, or image and recipe do not fit together.
    """
    if source is None:
        plain = plain_image(recipe.source, cache=cache, scratch=scratch)
    else:
        plain = oci.source(oci.Reference.parse(source)).read(scratch=scratch)
    return convert(plain, recipe, signer=signer, premain=premain(), scratch=scratch, key_server_pin=pin)


def describe(built: ConfidentialImage, destination: str) -> dict[str, Any]:
    """Give the JSON members that say what was built."""
    return {
        "image": destination,
        "digest": str(built.image.digest),
        "image_id": str(built.image.image_id),
        "mrenclave": str(built.mr_enclave),
        "mrsigner": str(built.mr_signer),
        "isv_prod_id": built.manifest.sgx.isvprodid,
        "isv_svn": built.manifest.sgx.isvsvn,
        "debug": built.manifest.sgx.debug,
        "trusted_files": len(built.manifest.sgx.trusted_files),
    }


def _human(built: ConfidentialImage, destination: str) -> str:
    rows = {
        "image": destination,
        "digest": built.image.digest,
        "MRENCLAVE": built.mr_enclave,
        "MRSIGNER": built.mr_signer,
        "trusted": f"{len(built.manifest.sgx.trusted_files)} files",
    }
    return "\n".join(f"{name:<10} {value}" for name, value in rows.items())


def _places(places: tuple[str, ...]) -> tuple[str | None, str]:
    match places:
        case (destination,):
            return None, destination
        case (source, destination):
            return source, destination
        case _:
            raise UsageError("more than SOURCE and DEST was given", hint="see `caisson build --help`")


def _recipe(file: Path | None, entry: str | None) -> Recipe:
    if (file is None) == (entry is None):
        raise UsageError(
            "give one of `--recipe` and `--catalog`", hint=f"the catalog has: {', '.join(catalog.names())}"
        )
    return Recipe.read(file) if file is not None else catalog.load(entry or "").recipe
