"""What an image is made of, compared before a publisher states it."""

from collections.abc import Mapping
from pathlib import Path

from caisson.conversion import Recipe, VerifiedImage, prepare
from caisson.conversion.encryption import without_plain
from caisson.conversion.places import RUNTIME_DESCRIPTION
from caisson.conversion.runtime import Release
from caisson.enclave import RuntimeBundle
from caisson.enclave.protected_files import FileKey
from caisson.errors import ProvenanceRejected
from caisson.oci import FileSystem, Image


def runtime_in(image: Image) -> RuntimeBundle | None:
    """Give the description of the Gramine that an image has, if it has one.

    Raises:
        Malformed: it is none.
    """
    found = FileSystem.of(image).find(RUNTIME_DESCRIPTION)
    return None if found is None or found.content is None else RuntimeBundle.parse(found.content.read())


def require_source(image: Image, plain: Image, recipe: Recipe | None = None, *, scratch: Path) -> None:
    """Require that an image begins with the layers of a plain one, without what a recipe encrypts.

    Raises:
        ProvenanceRejected: its layers are others.
    """
    plain = plain if recipe is None else without_plain(plain, recipe, scratch=scratch)
    below = [layer.diff_id for layer in plain.layers]
    if below != [layer.diff_id for layer in image.layers[: len(below)]]:
        raise ProvenanceRejected(
            ("the image's lowest layers are not those of the plain image",),
            hint="name the image that was converted, and its recipe if that encrypts files",
        )


def require_recipe(
    verified: VerifiedImage,
    recipe: Recipe,
    plain: Image,
    *,
    premain: bytes,
    scratch: Path,
    runtime: Release | None,
    file_keys: Mapping[str, FileKey],
) -> None:
    """Follow a recipe once more, and require that it gives an image's enclave, as this version of Caisson builds it.

    `runtime` is the release of Gramine that the image has; None for the native runtime.

    Raises:
        ProvenanceRejected: it gives another measurement, or none for this image.
        UsageError: plain image and recipe do not fit together.
    """
    pin = verified.key_server_pin
    again = prepare(
        plain,
        recipe,
        premain=premain,
        scratch=scratch,
        key_server_pin=pin,
        runtime=runtime,
        file_keys=file_keys,
    )
    if again.mr_enclave != verified.mr_enclave:
        raise ProvenanceRejected(
            (f"the recipe gives the measurement {again.mr_enclave}; the image has {verified.mr_enclave}",),
            hint="was it built by another recipe, or by another version of Caisson?",
        )
