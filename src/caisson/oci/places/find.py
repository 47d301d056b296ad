"""From a reference to the place it names."""

from pathlib import Path

from caisson.errors import UsageError
from caisson.oci.places.docker_archive import DockerArchive
from caisson.oci.places.engine import Engine
from caisson.oci.places.layout import Layout
from caisson.oci.places.oci_archive import OciArchive
from caisson.oci.places.place import Sink, Source
from caisson.oci.places.rootfs import RootFs
from caisson.oci.reference import Reference


def source(reference: Reference) -> Source:
    """Give the place to read from."""
    if reference.transport == "rootfs":
        return RootFs(Path(reference.location))
    return _place(reference)


def sink(reference: Reference) -> Sink:
    """Give the place to write to.

    Raises:
        UsageError: images cannot be written there.
    """
    if reference.transport == "rootfs":
        raise UsageError(
            "an image cannot be written as a root file system", hint="write `oci:DIR`, `oci-archive:FILE`, or a name"
        )
    return _place(reference)


def _place(reference: Reference) -> Layout | OciArchive | DockerArchive | Engine:
    match reference.transport:
        case "oci":
            return Layout(Path(reference.location), reference.tag)
        case "oci-archive":
            return OciArchive(Path(reference.location), reference.tag)
        case "docker-archive":
            return DockerArchive(Path(reference.location), reference.tag)
        case _:
            return Engine(reference.location)
