"""Where `caisson manifest` takes what it examines from: a manifest, a recipe, an entry of the catalog, or an image."""

import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from caisson import catalog, oci
from caisson.cli.files import named, read_bytes
from caisson.conversion import MANIFEST, SIGSTRUCT, Recipe, image_subject, recipe_subject
from caisson.enclave import verify_sigstruct
from caisson.enclave.manifest import Foreign, Subject, Version
from caisson.errors import ImageRejected, Unavailable, UsageError
from caisson.sgx import SigStruct

_MOST_MANIFEST = 16 << 20


def subject_of(source: str, access: oci.Access) -> Subject:
    """Read what is to be examined.

    Raises:
        Malformed: a file that is neither a manifest nor a recipe.
        ImageRejected: a plain image.
        UsageError: neither a file nor a reference.
    """
    path = Path(source)
    if path.is_file() or source == "-":
        raw = read_bytes(path, most=_MOST_MANIFEST)
        with named(path):
            if _is_recipe(raw):
                return recipe_subject(Recipe.parse(raw, folder=path.parent))
            return Subject(manifest=Foreign.parse(raw))
    with _image(source, access) as (image, reference):
        return image_subject(image, reference, today=datetime.now(UTC).date())


def foreign(path: Path) -> Foreign:
    """Read a manifest, or a template for one, out of a file.

    Raises:
        Malformed: it is none.
        UsageError: it cannot be read.
    """
    with named(path, hint="docs/reference/manifest.md says what a manifest is"):
        return Foreign.parse(read_bytes(path, most=_MOST_MANIFEST))


def catalog_subject(name: str) -> Subject:
    """Read the recipe of an entry of the catalog.

    Raises:
        UsageError: there is no such entry.
    """
    return recipe_subject(catalog.load(name).recipe)


def version_of(source: str, access: oci.Access) -> Version:
    """Read a manifest to compare: out of a file, or out of an image, then with its identity.

    Raises:
        ImageRejected: a plain image, or one that is not signed.
        SignatureRejected: an image whose SIGSTRUCT is not signed by the key in it.
        UsageError: neither a file nor a reference.
    """
    path = Path(source)
    if path.is_file() or source == "-":
        return Version(raw=read_bytes(path, most=_MOST_MANIFEST))
    with _image(source, access) as (image, _):
        view = oci.FileSystem.of(image)
        sigstruct = SigStruct.parse(_read(view, SIGSTRUCT))
        return Version(
            raw=_read(view, MANIFEST), mr_enclave=sigstruct.mr_enclave, mr_signer=verify_sigstruct(sigstruct)
        )


def _read(view: oci.FileSystem, path: str) -> bytes:
    found = view.find(path)
    if found is None or found.content is None:
        raise ImageRejected(f"the image has no `{path}`", hint="make it with `caisson build` first")
    return found.content.read()


@contextmanager
def _image(source: str, access: oci.Access) -> Iterator[tuple[oci.Image, oci.Reference]]:
    """Read what is no file. Docker is asked for a bare name, and a path that is mistyped looks like one."""
    reference = _reference(source)
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        try:
            image = oci.source(reference, access).read(scratch=Path(directory))
        except (Unavailable, UsageError) as cause:
            if reference.transport == "docker-daemon" and not source.startswith("docker-daemon:"):
                both = f"there is no file `{source}`; as the name of an image: {cause.message}"
                raise type(cause)(both, hint=cause.hint) from cause
            raise
        yield image, reference


def _reference(source: str) -> oci.Reference:
    try:
        return oci.Reference.parse(source)
    except UsageError as cause:
        raise UsageError(f"`{source}` is neither a file nor a reference to an image", hint=cause.hint) from cause


def _is_recipe(raw: bytes) -> bool:
    """Whether a TOML document is meant as a recipe; no manifest has these two on its top level."""
    try:
        document = tomllib.loads(raw.decode())
    except (ValueError, RecursionError):
        return False
    return "version" in document and "enclave" in document
