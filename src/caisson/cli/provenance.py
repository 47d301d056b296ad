"""`caisson provenance`: what a publisher states about an image - packages, origin, enclave - attached and verified."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click

from caisson import catalog, oci
from caisson.cli.build import upstream_option
from caisson.cli.file_keys import file_key_option, given_file_keys
from caisson.cli.files import (
    PUBLIC,
    SECRET,
    force_option,
    named,
    passphrase_option,
    read_bytes,
    read_passphrase,
    write_new,
)
from caisson.cli.home import Home, home_option
from caisson.cli.output import emit, json_option, say
from caisson.cli.recipes import read_recipe
from caisson.cli.registry import registry_options
from caisson.conversion import Recipe, VerifiedImage, plain_image, premain, verify_image
from caisson.conversion.runtime import RuntimeStore
from caisson.errors import UsageError
from caisson.provenance import (
    Inventory,
    ProvenanceKey,
    Publisher,
    Statement,
    VerifiedProvenance,
    encode_sbom,
    find_provenance,
    publish,
    require_recipe,
    require_source,
    runtime_in,
)

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(epilog="\b\nExample:\n  caisson provenance verify oci:out:redis --publisher publisher.pub")
def command() -> None:
    """State what an image is made of and which enclave it gives, and check what others state."""


@command.command(epilog="\b\nExample:\n  caisson provenance key --output publisher.pem")
@click.option("--output", type=_FILE, default=Path("publisher.pem"), show_default=True, help="The private key (PEM).")
@passphrase_option
@force_option
@json_option
def key(output: Path, passphrase_file: BinaryIO | None, *, force: bool, as_json: bool) -> None:
    """Make a publisher's key (ECDSA on P-256), and print the publisher's id.

    The public key is written beside it, with the suffix `.pub`. It is another key than the one that signs enclaves.
    """
    made = ProvenanceKey.generate()
    public = output.with_suffix(".pub")
    write_new(output, made.to_pem(read_passphrase(passphrase_file)), mode=SECRET, force=force)
    write_new(public, made.publisher.pem, mode=PUBLIC, force=force)
    publisher = str(made.publisher.id)
    emit({"key": str(output), "public_key": str(public), "publisher": publisher}, human=publisher, as_json=as_json)


@command.command(epilog="\b\nExample:\n  caisson provenance sbom oci:out:redis >sbom.json")
@click.argument("image")
@registry_options
def sbom(image: str, *, access: oci.Access) -> None:
    """Print the bill of materials of the confidential IMAGE (CycloneDX 1.6), made of its own files."""
    with _opened(image, access) as (found, verified, _):
        raw, unread = _sbom(found, verified)
    _warn(unread)
    click.echo(raw.decode())


@command.command(
    epilog="\b\nExample:\n  caisson provenance attach docker://localhost:5000/redis:7 --key publisher.pem \\\n"
    "    --source oci:plain:redis --recipe caisson.toml"
)
@click.argument("image")
@click.option("--key", "key_file", type=_FILE, required=True, help="The publisher's private key (PEM).")
@passphrase_option
@click.option("--source", metavar="IMAGE", help="The plain image that IMAGE was made of; its layers are compared.")
@click.option("--recipe", type=_FILE, help="The recipe that it was made by; it is followed once more, and compared.")
@click.option("--catalog", "entry", metavar="NAME", help="Take the recipe from the catalog.")
@upstream_option
@file_key_option
@home_option
@registry_options
@json_option
def attach(  # noqa: PLR0913 - one parameter for each option
    image: str,
    key_file: Path,
    passphrase_file: BinaryIO | None,
    source: str | None,
    recipe: Path | None,
    entry: str | None,
    file_keys: tuple[tuple[str, Path], ...],
    home: Home,
    *,
    upstream: bool,
    access: oci.Access,
    as_json: bool,
) -> None:
    """Attach SIGSTRUCT, bill of materials and a signed statement to IMAGE, in a registry or a layout.

    The image is verified first, and so is what it is said to be made of: its lowest layers are those of the plain
    image, and the recipe gives its measurement. It gets a signature that `cosign verify --key` understands, too. To do
    it again changes nothing.
    """
    if oci.Reference.parse(image).transport == "oci-archive":
        raise UsageError(f"nothing is attached to `{image}`: an archive is written once", hint="attach in `oci:DIR`")
    with named(key_file, hint="make one with `caisson provenance key`"):
        publisher_key = ProvenanceKey.load(read_bytes(key_file), read_passphrase(passphrase_file))
    with _opened(image, access) as (found, verified, scratch):
        raw, unread = _sbom(found, verified)
        followed = _followed(recipe, entry, upstream=upstream)
        plain = _plain(source, followed, home.cache, access, scratch)
        if plain is not None:
            require_source(found, plain, None if followed is None else followed.recipe, scratch=scratch)
        if followed is not None and plain is not None:
            bundle = runtime_in(found)
            release = None if bundle is None else RuntimeStore(home.runtimes).find(bundle.id).release()
            require_recipe(
                verified,
                followed.recipe,
                plain,
                premain=premain(),
                scratch=scratch,
                runtime=release,
                file_keys=given_file_keys(followed.recipe, file_keys),
            )
        statement = Statement.of(
            found,
            verified,
            sbom=raw,
            source=None if plain is None else plain.digest,
            recipe=None if followed is None else oci.Digest.of(followed.raw),
        )
        with oci.open_store(oci.Reference.parse(image), access, scratch=scratch) as (store, _):
            artifacts = publish(
                store,
                found,
                verified,
                statement,
                sbom=raw,
                key=publisher_key,
                reference=image.removeprefix("docker://"),
            )
    _warn(unread)
    packages = _packages(raw)
    data = {
        "image": image,
        "digest": str(statement.image),
        "publisher": str(publisher_key.publisher.id),
        "attached": [str(each.digest) for each in artifacts],
        "packages": packages,
    }
    emit(data, human=_human(statement, publisher_key.publisher, packages), as_json=as_json)


@command.command(epilog="\b\nExample:\n  caisson provenance show docker://localhost:5000/redis:7 --json")
@click.argument("image")
@registry_options
@json_option
def show(image: str, *, access: oci.Access, as_json: bool) -> None:
    """Show what is attached to IMAGE, by whomever. Nothing of it is verified."""
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        reference = oci.Reference.parse(image)
        digest = oci.source(reference, access).read(scratch=Path(directory)).digest
        with oci.open_reader(reference, access, scratch=Path(directory)) as (reader, _):
            artifacts = oci.attached(reader, digest, scratch=Path(directory))
    rows = [
        {"type": each.artifact_type, "sizes": [len(blob.content) for blob in each.blobs], **each.annotations}
        for each in artifacts
    ]
    lines = [f"{row['type']:<40} {', '.join(map(str, row['sizes']))} bytes" for row in rows]
    emit(
        {"image": image, "digest": str(digest), "attached": rows},
        human="\n".join(lines) or "nothing is attached",
        as_json=as_json,
    )


@command.command(
    epilog="\b\nExample:\n  caisson provenance verify docker://localhost:5000/redis:7 --publisher publisher.pub"
)
@click.argument("image")
@click.option("--publisher", "publishers", type=_FILE, multiple=True, required=True, help="Public key (PEM) to accept.")
@registry_options
@json_option
def verify(image: str, publishers: tuple[Path, ...], *, access: oci.Access, as_json: bool) -> None:
    """Verify IMAGE, and that a publisher stands for exactly this image, its enclave and its bill of materials."""
    accepted = tuple(map(_publisher, publishers))
    with _opened(image, access) as (found, verified, scratch):
        provenance = find_provenance(
            oci.Reference.parse(image), found, verified, accepted, access=access, scratch=scratch
        )
    human = _human(provenance.statement, provenance.publisher, _packages(provenance.sbom))
    emit({"image": image, **describe(provenance)}, human=human, as_json=as_json)


def describe(provenance: VerifiedProvenance) -> dict[str, Any]:
    """Give the JSON members that say who stands for an image, and for what."""
    statement = provenance.statement
    return {
        "publisher": str(provenance.publisher.id),
        "attached": sorted(provenance.kinds),
        "digest": str(statement.image),
        "mrenclave": str(statement.mr_enclave),
        "mrsigner": str(statement.mr_signer),
        "sbom": str(statement.sbom),
        "source": None if statement.source is None else str(statement.source),
        "recipe": None if statement.recipe is None else str(statement.recipe),
        "builder": statement.builder,
    }


@contextmanager
def _opened(reference: str, access: oci.Access) -> Iterator[tuple[oci.Image, VerifiedImage, Path]]:
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        found = oci.source(oci.Reference.parse(reference), access).read(scratch=Path(directory))
        yield found, verify_image(found), Path(directory)


def _sbom(image: oci.Image, verified: VerifiedImage) -> tuple[bytes, tuple[str, ...]]:
    inventory = Inventory.of(oci.FileSystem.of(image))
    return encode_sbom(image, verified, inventory), inventory.unread


def _packages(sbom: bytes) -> int:
    """Count what package managers installed; premain is none of it."""
    return sum("purl" in component for component in json.loads(sbom)["components"])


def _warn(unread: tuple[str, ...]) -> None:
    for reason in unread:
        say(f"warning: not in the bill of materials: {reason}")


@dataclass(frozen=True, slots=True)
class _Followed:
    """A recipe, and the bytes of its file."""

    recipe: Recipe
    raw: bytes


def _followed(file: Path | None, entry: str | None, *, upstream: bool) -> _Followed | None:
    match file, entry:
        case None, None:
            return None
        case Path(), None:
            return _Followed(read_recipe(file).taken_from(upstream=upstream), read_bytes(file))
        case None, str():
            found = catalog.load(entry)
            return _Followed(found.recipe.taken_from(upstream=upstream), found.raw)
        case _:
            raise UsageError("give one of `--recipe` and `--catalog`")


def _plain(
    source: str | None, followed: _Followed | None, cache: Path, access: oci.Access, scratch: Path
) -> oci.Image | None:
    if source is not None:
        return oci.source(oci.Reference.parse(source), access).read(scratch=scratch)
    return (
        None if followed is None else plain_image(followed.recipe.source, cache=cache, scratch=scratch, access=access)
    )


def _human(statement: Statement, publisher: Publisher, packages: int) -> str:
    rows = {
        "image": statement.image,
        "MRENCLAVE": statement.mr_enclave,
        "MRSIGNER": statement.mr_signer,
        "product": f"{statement.isv_prod_id}, security version {statement.isv_svn}",
        "source": statement.source or "not stated",
        "recipe": statement.recipe or "not stated",
        "packages": packages,
        "publisher": publisher.id,
    }
    return "\n".join(f"{name:<10} {value}" for name, value in rows.items())


def _publisher(path: Path) -> Publisher:
    with named(path):
        return Publisher.parse(read_bytes(path))
