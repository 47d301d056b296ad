"""Images: references, digests, layers, immutable views; the places they live in, and what is done with them."""

from caisson.oci.artifact import Artifact, ArtifactBlob, attach, attached
from caisson.oci.changes import Changes, read_changes
from caisson.oci.config import ImageConfig, RunConfig
from caisson.oci.copy import Copied, copy
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.filesystem import FileSystem, Found
from caisson.oci.image import Documents, Image
from caisson.oci.layer import FileLayer, Layer
from caisson.oci.limits import Allowance, Limits
from caisson.oci.manifest import ImageIndex, ImageManifest
from caisson.oci.mutate import append, configure, without_top
from caisson.oci.packed import PackedLayer
from caisson.oci.places.find import sink, source
from caisson.oci.places.place import Sink, Source
from caisson.oci.places.registry import resolve
from caisson.oci.places.stores import has_store, open_reader, open_store
from caisson.oci.progress import Bar, Progress
from caisson.oci.reference import Reference
from caisson.oci.region import Region
from caisson.oci.registry import Access, RegistryName, Retry
from caisson.oci.removal import Removal, fingerprint
from caisson.oci.store import Reader, Store
from caisson.oci.unpack import unpack_files
from caisson.oci.validate import validate

__all__ = [
    "Access",
    "Allowance",
    "Artifact",
    "ArtifactBlob",
    "Bar",
    "Changes",
    "Copied",
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
    "Progress",
    "Reader",
    "Reference",
    "Region",
    "RegistryName",
    "Removal",
    "Retry",
    "RunConfig",
    "Sink",
    "Source",
    "Store",
    "append",
    "attach",
    "attached",
    "configure",
    "copy",
    "fingerprint",
    "has_store",
    "open_reader",
    "open_store",
    "read_changes",
    "resolve",
    "sink",
    "source",
    "unpack_files",
    "validate",
    "without_top",
]
