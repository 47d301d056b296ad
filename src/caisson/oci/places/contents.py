"""What a layout and its archive share: an index of images, and blobs by digest."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from caisson.errors import ImageRejected, UsageError
from caisson.oci import document, stream
from caisson.oci.descriptor import Descriptor
from caisson.oci.digest import Digest
from caisson.oci.image import Image
from caisson.oci.manifest import ImageIndex
from caisson.oci.places.assemble import read_image
from caisson.oci.region import Region

REF_NAME = "org.opencontainers.image.ref.name"
MARKER_NAME = "oci-layout"
INDEX_NAME = "index.json"
BLOBS = "blobs/sha256"
VERSION = "1.0.0"

_Blobs = Callable[[Digest], Region]


def marker() -> bytes:
    """Give the content of the file `oci-layout`."""
    return document.encode({"imageLayoutVersion": VERSION})


def read_tagged(marker_bytes: bytes, index_bytes: bytes, tag: str, blob: _Blobs, *, scratch: Path) -> Image:
    """Read the image that an index calls `tag`; without a tag, the only one.

    Raises:
        UsageError: there is no such image, or no tag was given and there are several.
        ImageRejected: a blob is missing or not what its descriptor says.
        Malformed: a document is not what it should be.
    """
    if document.decode_object(marker_bytes, what=MARKER_NAME).text("imageLayoutVersion") != VERSION:
        raise ImageRejected("OCI layout is of an unknown version")
    return read_image(
        _choose(ImageIndex.parse(index_bytes), tag),
        partial(_small, blob=blob),
        lambda layers: [blob(layer.digest) for layer in layers],
        scratch=scratch,
    )


def add_tagged(index: ImageIndex, image: Image, tag: str, *, overwrite: bool) -> ImageIndex:
    """Give the index with the image in it under `tag`, or untagged.

    Raises:
        UsageError: another image has the tag, and `overwrite` is not set.
    """
    annotations = {REF_NAME: tag} if tag else {}
    new = Descriptor(
        media_type=image.manifest.media_type,
        digest=image.digest,
        size=len(image.documents.manifest),
        annotations=annotations,
        platform={"os": image.config.os, "architecture": image.config.architecture},
    )
    same = [each for each in index.manifests if each.annotations.get(REF_NAME, "") == tag]
    if any(each.digest != new.digest for each in same) and not overwrite:
        raise UsageError(
            f"another image is there as `{tag}`", hint="add `--force` to replace it, or choose another tag"
        )
    return replace(index, manifests=(*(each for each in index.manifests if each not in same), new))


def blobs(image: Image) -> Iterator[tuple[Digest, int, Iterable[bytes]]]:
    """Give every blob of an image once, the manifest last: digest, size, bytes."""
    seen = set[Digest]()
    for layer in image.layers:
        if layer.descriptor.digest not in seen:
            seen.add(layer.descriptor.digest)
            yield layer.descriptor.digest, layer.descriptor.size, layer.chunks()
    yield image.image_id, len(image.documents.config), [image.documents.config]
    yield image.digest, len(image.documents.manifest), [image.documents.manifest]


def _choose(index: ImageIndex, tag: str) -> Descriptor:
    if tag:
        found = [each for each in index.manifests if each.annotations.get(REF_NAME) == tag]
        if len(found) > 1:
            raise ImageRejected(f"OCI layout has the tag `{tag}` several times")
    else:
        found = list(index.manifests)
    if len(found) == 1:
        return found[0]
    tags = sorted({each.annotations.get(REF_NAME, "") for each in index.manifests} - {""})
    hint = "it has " + ", ".join(f"`{each}`" for each in tags) if tags else "it has no tagged image"
    raise UsageError(f"there is no image `{tag}`" if tag else "say which image is meant, by its tag", hint=hint)


def _small(descriptor: Descriptor, blob: _Blobs) -> bytes:
    if descriptor.size > document.MAX_SIZE:
        raise ImageRejected(f"document {descriptor.digest} is larger than {document.MAX_SIZE} bytes")
    region = blob(descriptor.digest)
    return b"".join(stream.verified(region.chunks(), digest=descriptor.digest, size=descriptor.size, what="document"))
