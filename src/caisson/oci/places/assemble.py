"""From a descriptor to the image behind it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from caisson.errors import ImageRejected, UsageError
from caisson.oci.config import read_diff_ids
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.image import Image
from caisson.oci.layer import FileLayer
from caisson.oci.limits import DEFAULT, Allowance, Limits
from caisson.oci.manifest import ImageIndex, ImageManifest
from caisson.oci.region import Region

_MAX_DEPTH = 4
_PLATFORM = {"os": "linux", "architecture": "amd64"}

Documents = Callable[[Descriptor], bytes]
"""Gives a manifest, index or configuration, which has the digest and size of its descriptor."""
Blobs = Callable[[Sequence[Descriptor]], Sequence[Region]]
"""Says where the blobs lie, in their order."""


def read_image(
    chosen: Descriptor,
    documents: Documents,
    blobs: Blobs,
    *,
    scratch: Path,
    origin: str = "",
    limits: Limits = DEFAULT,
) -> Image:
    """Read the image that a descriptor leads to; of an index, the one for linux/amd64.

    `origin` is the repository that the layers come from, if there is one.

    Raises:
        UsageError: there is none for linux/amd64.
        ImageRejected: something is not what its descriptor says, or there is no end to it.
        Malformed: a document is not what it should be.
    """
    manifest_bytes = _manifest(chosen, documents)
    manifest = ImageManifest.parse(manifest_bytes)
    if len(manifest.layers) > limits.layers:
        raise ImageRejected(f"image has more than {limits.layers} layers")
    for layer in manifest.layers:
        if layer.size > limits.layer_size:
            raise ImageRejected(f"layer {layer.digest} is larger than {limits.layer_size} bytes")
    if (size := sum(layer.size for layer in manifest.layers)) > limits.size:
        raise ImageRejected(f"image has layers of {size} bytes, and at most {limits.size} are read")
    config_bytes = documents(manifest.config)
    diff_ids = read_diff_ids(config_bytes)
    if len(diff_ids) != len(manifest.layers):
        raise ImageRejected(f"image has {len(manifest.layers)} layers, and {len(diff_ids)} diff IDs")
    allowance = Allowance(limits.size, what="unpacks to")
    layers = tuple(
        FileLayer(
            descriptor=descriptor,
            diff_id=diff_id,
            blob=blob,
            scratch=scratch,
            origin=origin,
            limits=limits,
            allowance=allowance,
        )
        for descriptor, diff_id, blob in zip(manifest.layers, diff_ids, blobs(manifest.layers), strict=True)
    )
    return Image.of(manifest_bytes, config_bytes, layers)


def _manifest(chosen: Descriptor, documents: Documents) -> bytes:
    for _ in range(_MAX_DEPTH):
        if chosen.media_type in MediaType.MANIFESTS:
            return documents(chosen)
        if chosen.media_type not in MediaType.INDEXES:
            break
        chosen = _choose_platform(ImageIndex.parse(documents(chosen)))
    raise ImageRejected(f"there is a `{chosen.media_type[:100]}` where an image should be")


def _choose_platform(index: ImageIndex) -> Descriptor:
    for each in index.manifests:
        if each.platform is not None and _PLATFORM.items() <= each.platform.items():
            return each
    raise UsageError("image is not for linux/amd64", hint="SGX is a feature of 64-bit Intel processors")
