"""From a reference to the place it names."""

from pathlib import Path

from caisson.errors import UsageError
from caisson.oci.places.docker_archive import DockerArchive
from caisson.oci.places.engine import Engine
from caisson.oci.places.layout import Layout
from caisson.oci.places.oci_archive import OciArchive
from caisson.oci.places.place import CheckingSink, NamingSource, Sink, Source
from caisson.oci.places.registry import Registry
from caisson.oci.places.rootfs import RootFs
from caisson.oci.reference import REGISTRY, Reference
from caisson.oci.registry import DEFAULT_ACCESS, Access, RegistryName


def source(reference: Reference, access: Access = DEFAULT_ACCESS) -> Source:
    """Give the place to read from; `access` is how registries are reached."""
    place = RootFs(Path(reference.location)) if reference.transport == "rootfs" else _place(reference, access)
    return NamingSource(place, str(reference))


def sink(reference: Reference, access: Access = DEFAULT_ACCESS) -> Sink:
    """Give the place to write to; `access` is how registries are reached. No image is written that contradicts itself.

    Raises:
        UsageError: images cannot be written there.
    """
    if reference.transport == "rootfs":
        raise UsageError(
            "an image cannot be written as a root file system",
            hint="write `docker://HOST/NAME`, `oci:DIR` or `oci-archive:FILE`",
        )
    return CheckingSink(_place(reference, access))


def _place(reference: Reference, access: Access) -> Layout | OciArchive | DockerArchive | Engine | Registry:
    match reference.transport:
        case _ if reference.transport == REGISTRY:
            return Registry(RegistryName.parse(reference.location), access)
        case "oci":
            return Layout(Path(reference.location), reference.tag)
        case "oci-archive":
            return OciArchive(Path(reference.location), reference.tag)
        case "docker-archive":
            return DockerArchive(Path(reference.location), reference.tag)
        case _:
            return Engine(reference.location)
