"""The plain image that a recipe starts from, as its `[source]` says."""

from dataclasses import replace
from pathlib import Path

from caisson.conversion.building import build_stage
from caisson.conversion.debian import build_rootfs
from caisson.conversion.installation import add_installation
from caisson.conversion.recipe_source import DebianSource, Source
from caisson.errors import UsageError
from caisson.oci import Access, Image, Reference, RegistryName, append, resolve, source


def plain_image(wanted: Source, *, cache: Path, scratch: Path, access: Access | None = None) -> Image:
    """Give the image; what is fetched or built is kept in `cache`, and the image lives as long as `scratch`.

    Raises:
        UsageError: the recipe does not say where the plain image is, or its build stage fails.
        Unavailable: packages or tools cannot be had.
    """
    if wanted.image is not None and wanted.debian is None:
        reference = Reference.parse(f"docker://{wanted.image.reference}")
        return source(reference, access or Access()).read(scratch=scratch)
    if wanted.debian is None:
        raise UsageError(
            "the recipe does not say where the plain image is", hint="name it: `caisson build SOURCE DEST`"
        )
    parts = fetch_source(wanted, wanted.debian, cache)
    image, *built = (source(Reference(transport="rootfs", location=str(part))).read(scratch=scratch) for part in parts)
    for stage in built:
        image = append(image, *stage.layers, created_by="build stage")
    return add_installation(image, scratch=scratch) if wanted.installation else image


def resolved(reference: str, access: Access) -> RegistryName:
    """Give an image of a registry by the digest that its registry has for it at this moment.

    Of an image for several platforms that is the digest of the index.

    Raises:
        UsageError: not a name that registries allow, or there is no such image.
        ImageRejected: the registry gives another document than the one with the digest that was asked for.
        Unavailable: the registry does not answer.
    """
    name = RegistryName.parse(reference)
    return replace(name, digest=resolve(name, access))


def fetch_source(wanted: Source, debian: DebianSource, cache: Path) -> tuple[Path, ...]:
    """Give the root file systems that lie on each other in the plain image, fetching and building what is missing.

    Raises:
        UsageError: the build stage fails.
        Unavailable: packages or tools cannot be had.
    """
    packages = build_rootfs(debian, cache)
    return (packages,) if wanted.build is None else (packages, build_stage(wanted.build, debian.suite, cache))
