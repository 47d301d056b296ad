"""`caisson build`: a plain image and a recipe become a confidential image, or one that exists is signed again."""

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import click

from caisson import catalog, oci
from caisson.cli.connection import Connection, connection_options
from caisson.cli.file_keys import file_key_option, file_keys_of
from caisson.cli.hexadecimal import Hexadecimal
from caisson.cli.home import Home
from caisson.cli.output import emit, json_option, say
from caisson.cli.recipes import read_recipe
from caisson.cli.registry import registry_options
from caisson.cli.signer import key_option, open_signer, secret_option
from caisson.conversion import (
    ConfidentialImage,
    PreparedImage,
    Recipe,
    open_prepared,
    pin,
    plain_image,
    premain,
    prepare,
    resolved,
)
from caisson.conversion.manifests import GRAMINE, NATIVE
from caisson.conversion.measured import encrypted_keys, runtime_of
from caisson.conversion.runtime import Release, RuntimeStore
from caisson.enclave.protected_files import FileKey
from caisson.errors import UsageError
from caisson.protocol import ServerKeyHash

upstream_option = click.option(
    "--upstream", is_flag=True, help="Follow the recipe for the upstream image, not for Debian's packages."
)
_EPILOG = """\b
Examples:
  caisson build --catalog redis --key signing-key.pem caisson/redis:7.0
  caisson build --recipe caisson.toml --key signing-key.pem docker-archive:app.tar oci:out:app
  caisson build --from oci:out:app --key my-key.pem --key-server-pin "$PIN" oci:out:mine
"""


@click.command(epilog=_EPILOG)
@click.argument("places", metavar="[SOURCE] DEST", nargs=-1, required=True)
@connection_options
@click.option(
    "--recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The recipe, a `caisson.toml`."
)
@click.option("--catalog", "entry", metavar="NAME", help="Take the recipe from the catalog.")
@upstream_option
@click.option("--from", "published", metavar="IMAGE", help="Take this confidential image; change its key or pin only.")
@click.option(
    "--runtime", metavar="NAME", help="`native`, `gramine` or `gramine:ID`.  [default: gramine, if there is one]"
)
@key_option()
@secret_option
@click.option("--unsigned", is_flag=True, help="Leave the signature to `caisson sign`.")
@file_key_option
@click.option(
    "--key-server-pin",
    type=Hexadecimal(ServerKeyHash),
    help="SHA-256 of the only key server's identity key; measured.",
)
@click.option("--force", is_flag=True, help="Replace what is at DEST.")
@registry_options
@json_option
def command(  # noqa: PLR0913 - one parameter for each option
    *,
    places: tuple[str, ...],
    connection: Connection,
    recipe: Path | None,
    entry: str | None,
    upstream: bool,
    published: str | None,
    runtime: str | None,
    key: str | None,
    passphrase_file: BinaryIO | None,
    unsigned: bool,
    file_keys: tuple[tuple[str, Path], ...],
    key_server_pin: ServerKeyHash | None,
    force: bool,
    access: oci.Access,
    as_json: bool,
) -> None:
    """Build a confidential image, without running anything of it.

    SOURCE and DEST are images: `docker://HOST/NAME[:TAG]` in a registry, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`,
    `docker-archive:FILE[:NAME]`, or the name of an image in Docker; SOURCE may be `rootfs:PATH`, a directory or a tar
    file. Without SOURCE, the recipe says how the plain image is had. The same input gives the same bytes: compare the
    digest that is printed.

    With --from, a confidential image is verified, signed with your key and bound to your key server, if you give its
    pin; everything else in it stays as it is.

    Encrypted files of the recipe get their keys from the key server, which makes those that it does not have.

    An image for `gramine` runs in an enclave, by a release of Gramine that `caisson runtime` keeps; one for `native`
    is for trying things out, and protects nothing.
    """
    source, destination = _places(places)
    if (key is None) != unsigned:
        raise UsageError("give one of `--key` and `--unsigned`", hint="make a key with `caisson key generate`")
    sink = oci.sink(oci.Reference.parse(destination), access)
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        scratch = Path(directory)
        if published is None:
            home = connection.home
            chosen, release = chosen_recipe(recipe, entry, upstream=upstream), chosen_release(runtime, home)
            prepared = prepare_image(
                source,
                chosen,
                cache=home.cache,
                scratch=scratch,
                pin=key_server_pin,
                access=access,
                runtime=release,
                file_keys=file_keys_of(chosen, file_keys, connection.client),
            )
            _warn_about_volumes(chosen, release)
        else:
            if upstream or file_keys or any(given is not None for given in (source, recipe, entry, runtime)):
                raise UsageError(
                    "an image that is taken as it is has no SOURCE, recipe and runtime of its own",
                    hint="leave them out",
                )
            found = oci.source(oci.Reference.parse(published), access).read(scratch=scratch)
            prepared = open_prepared(found, scratch=scratch)
            prepared = prepared if key_server_pin is None else pin(prepared, key_server_pin)
        with contextlib.ExitStack() as stack:
            built = prepared if key is None else prepared.sign(stack.enter_context(open_signer(key, passphrase_file)))
        sink.write(built.image, overwrite=force)
    if built.manifest.sgx.debug:
        say("warning: this is a debug enclave: whoever runs it can read its memory", style="bold")
    if key is None:
        say("this image is not signed: sign it with `caisson sign`")
    emit(describe(built, destination), human=human(built, destination), as_json=as_json)


def prepare_image(
    source: str | None,
    recipe: Recipe,
    *,
    cache: Path,
    scratch: Path,
    pin: ServerKeyHash | None,
    access: oci.Access,
    file_keys: Mapping[str, FileKey],
    runtime: Release | None = None,
) -> PreparedImage:
    """Fetch the plain image - by the recipe if there is no `source` - and convert it; others sign it.

    Raises:
        UsageError: neither says where the plain image is, or image and recipe do not fit together.
    """
    plain, base = _plain(source, recipe, cache=cache, scratch=scratch, access=access)
    return prepare(
        plain,
        recipe,
        premain=premain(),
        scratch=scratch,
        key_server_pin=pin,
        runtime=runtime,
        base=base,
        file_keys=file_keys,
    )


def _plain(
    source: str | None, recipe: Recipe, *, cache: Path, scratch: Path, access: oci.Access
) -> tuple[oci.Image, oci.RegistryName | None]:
    """Give the plain image and, if the recipe names one of a registry, which one that is."""
    if source is not None:
        return oci.source(oci.Reference.parse(source), access).read(scratch=scratch), None
    upstream = recipe.source.image
    if upstream is None or recipe.source.debian is not None:
        return plain_image(recipe.source, cache=cache, scratch=scratch, access=access), None
    base = resolved(upstream.reference, access)
    if str(base) != upstream.reference:
        say(
            f"warning: the recipe does not pin its image; this one is {base}\n"
            "hint: `caisson catalog pin` writes the digest into the recipe",
            style="bold",
        )
    return oci.source(oci.Reference.parse(f"docker://{base}"), access).read(scratch=scratch), base


def chosen_release(name: str | None, home: Home) -> Release | None:
    """Give the release of Gramine to build for; None for the native runtime.

    Raises:
        UsageError: there is no such runtime, or no such bundle.
    """
    store = RuntimeStore(home.runtimes)
    kind, _, identifier = (name or (GRAMINE if store.list() else NATIVE)).partition(":")
    if kind == NATIVE and not identifier:
        return None
    if kind != GRAMINE:
        raise UsageError(f"there is no runtime `{name}`", hint="`native`, `gramine` or `gramine:ID`")
    return store.find(identifier or None).release()


def _warn_about_volumes(recipe: Recipe, release: Release | None) -> None:
    if release is None and recipe.encrypted:
        plain = ", ".join(f"`{mount.path}`" for mount in recipe.encrypted)
        say(f"warning: nothing is encrypted on the native runtime: {plain} will be plain on disk", style="bold")
    for file in recipe.files.allowed if release is not None else ():
        say(f"warning: the host may change `{file.path}`: {file.reason}", style="bold")


def describe(built: ConfidentialImage | PreparedImage, destination: str) -> dict[str, Any]:
    """Give the JSON members that say what was built; what is not signed has no MRSIGNER."""
    return {
        "image": destination,
        "digest": str(built.image.digest),
        "image_id": str(built.image.image_id),
        "mrenclave": str(built.mr_enclave),
        "mrsigner": None if built.mr_signer is None else str(built.mr_signer),
        "isv_prod_id": built.manifest.sgx.isvprodid,
        "isv_svn": built.manifest.sgx.isvsvn,
        "debug": built.manifest.sgx.debug,
        "trusted_files": len(built.manifest.sgx.trusted_files),
        "base": base_of(built),
        "encrypted_files": list(encrypted_keys(built.manifest)),
        "runtime": runtime_of(built.manifest),
    }


def base_of(built: ConfidentialImage | PreparedImage) -> str | None:
    """Give the image of a registry that it says to be made from, by its digest."""
    labels = built.image.config.run.labels
    name, digest = (labels.get(f"org.opencontainers.image.base.{part}") for part in ("name", "digest"))
    return None if name is None or digest is None else f"{name}@{digest}"


def human(built: ConfidentialImage | PreparedImage, destination: str) -> str:
    """Give the lines that say what was built to people."""
    rows = {
        "image": destination,
        "digest": built.image.digest,
        "MRENCLAVE": built.mr_enclave,
        "MRSIGNER": built.mr_signer or "none: not signed",
        "runtime": runtime_of(built.manifest),
        **({} if (base := base_of(built)) is None else {"base": base}),
        "trusted": f"{len(built.manifest.sgx.trusted_files)} files",
    }
    if keys := encrypted_keys(built.manifest):
        rows["encrypted"] = f"files under the key {', '.join(f'`{key}`' for key in keys)}"
    return "\n".join(f"{name:<10} {value}" for name, value in rows.items())


def _places(places: tuple[str, ...]) -> tuple[str | None, str]:
    match places:
        case (destination,):
            return None, destination
        case (source, destination):
            return source, destination
        case _:
            raise UsageError("more than SOURCE and DEST was given", hint="see `caisson build --help`")


def chosen_recipe(file: Path | None, entry: str | None, *, upstream: bool = False) -> Recipe:
    """Read the recipe that the options `--recipe` and `--catalog` name, for one of its sources.

    Raises:
        UsageError: not just one of them is given, the catalog has no such entry, or the recipe no upstream image.
    """
    if (file is None) == (entry is None):
        raise UsageError(
            "give one of `--recipe` and `--catalog`", hint=f"the catalog has: {', '.join(catalog.names())}"
        )
    found = read_recipe(file) if file is not None else catalog.load(entry or "").recipe
    return found.taken_from(upstream=upstream)
