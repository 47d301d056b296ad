"""From a reference to the store that it names a part of."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caisson.errors import UsageError
from caisson.oci.descriptor import MediaType
from caisson.oci.manifest import ImageManifest
from caisson.oci.places.archive import ArchiveFile, write_archive
from caisson.oci.places.files import refuse_existing, write_whole
from caisson.oci.places.layout_store import LayoutStore
from caisson.oci.places.oci_archive import OciArchive, for_docker
from caisson.oci.reference import REGISTRY, Reference
from caisson.oci.registry import DEFAULT_ACCESS, Access, RegistryName, Repository
from caisson.oci.store import Reader, Store

_HINT = "registries (`docker://`), `oci:` and `oci-archive:` do"


def has_store(reference: Reference) -> bool:
    """Tell whether a place keeps documents and blobs as they are, with their digests."""
    return reference.transport in {REGISTRY, "oci", "oci-archive"}


@contextmanager
def open_reader(
    reference: Reference, access: Access = DEFAULT_ACCESS, *, scratch: Path
) -> Iterator[tuple[Reader, str]]:
    """Open a place to read from; give it, and what the reference names in it, for `find`.

    Raises:
        UsageError: the place keeps no documents as they are, or there is none.
        Unavailable: it does not answer.
    """
    match reference.transport:
        case "docker":
            name = RegistryName.parse(reference.location)
            with Repository.open(name, access) as repository:
                yield repository, name.reference
        case "oci":
            store = LayoutStore(Path(reference.location))
            store.index()
            yield store, reference.tag
        case "oci-archive":
            yield OciArchive(Path(reference.location)).held(scratch=scratch), reference.tag
        case _:
            raise _impossible(reference)


@contextmanager
def open_store(
    reference: Reference, access: Access = DEFAULT_ACCESS, *, scratch: Path, overwrite: bool = False
) -> Iterator[tuple[Store, str]]:
    """Open a place to write to; give it, and the name for what is written.

    An archive is written when all went well, in the place of the old one if `overwrite` is set.

    Raises:
        UsageError: the place keeps no documents as they are, or something else is there.
        Unavailable: it does not answer.
    """
    match reference.transport:
        case "docker":
            name = RegistryName.parse(reference.location)
            with Repository.open(name, access, writing=True) as repository:
                yield repository, name.tag
        case "oci":
            store = LayoutStore(Path(reference.location))
            with store.made():
                yield store, reference.tag
        case "oci-archive":
            if not overwrite:
                refuse_existing(Path(reference.location))
            store = LayoutStore(scratch / "archive")
            with store.made():
                yield store, reference.tag
            files = [*store.files(), *_for_docker(store, reference.tag)]
            write_whole(Path(reference.location), write_archive(files), overwrite=overwrite)
        case _:
            raise _impossible(reference)


def _for_docker(store: LayoutStore, tag: str) -> Iterator[ArchiveFile]:
    """Give what Docker needs to load the image, unless it is an index, which Docker's archives cannot tell of."""
    found = store.find(tag)
    if found is not None and found[0].media_type in MediaType.MANIFESTS:
        yield for_docker(ImageManifest.parse(found[1]), tag)


def _impossible(reference: Reference) -> UsageError:
    return UsageError(f"`{reference}` keeps no documents and blobs as they are", hint=_HINT)
