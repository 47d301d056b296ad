"""Images: references, digests, layers, immutable views; the places they live in, and what is done with them."""

from caisson.oci.config import ImageConfig, RunConfig
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.filesystem import FileSystem, Found
from caisson.oci.image import Documents, Image
from caisson.oci.layer import FileLayer, Layer
from caisson.oci.limits import Limits
from caisson.oci.manifest import ImageIndex, ImageManifest
from caisson.oci.mutate import append, configure
from caisson.oci.packed import PackedLayer
from caisson.oci.places.find import sink, source
from caisson.oci.places.place import Sink, Source
from caisson.oci.reference import Reference
from caisson.oci.region import Region
from caisson.oci.validate import validate

__all__ = [
    "Descriptor",
    "Digest",
    "Documents",
    "FileLayer",
    "FileSystem",
    "Found",
    "Image",
    "ImageConfig",
    "ImageIndex",
    "ImageManifest",
    "Layer",
    "Limits",
    "MediaType",
    "PackedLayer",
    "Reference",
    "Region",
    "RunConfig",
    "Sink",
    "Source",
    "append",
    "configure",
    "sink",
    "source",
    "validate",
]
