"""What a layout and its archive share: an index of images, and blobs by digest."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from caisson.errors import ImageRejected, UsageError
from caisson.oci import document, stream
from caisson.oci.descriptor import Descriptor
from caisson.oci.digest import Digest
from caisson.oci.image import Image
from caisson.oci.layer import Layer
from caisson.oci.manifest import ImageIndex
from caisson.oci.places.assemble import read_image
from caisson.oci.referrer import COMPANIONS
from caisson.oci.region import Region
from caisson.oci.store import Reopen

REF_NAME = "org.opencontainers.image.ref.name"
MARKER_NAME = "oci-layout"
INDEX_NAME = "index.json"
BLOBS = "blobs/sha256"
VERSION = "1.0.0"

_FALLBACK = re.compile(rf"sha256-[0-9a-f]{{64}}(?:\.(?:{'|'.join(COMPANIONS)}))?")

Regions = Callable[[Digest], Region]
"""Says where a blob lies."""


def marker() -> bytes:
    """Give the content of the file `oci-layout`."""
    return document.encode({"imageLayoutVersion": VERSION})


def check_marker(raw: bytes) -> None:
    """Refuse a layout of another version than we know.

    Raises:
        ImageRejected: that is what it is.
        Malformed: it says nothing of its version.
    """
    if document.decode_object(raw, what=MARKER_NAME).text("imageLayoutVersion") != VERSION:
        raise ImageRejected("OCI layout is of an unknown version")


def name_of(descriptor: Descriptor) -> str:
    """Give the name that an index of a layout has for a document; that of an untagged one is empty."""
    return descriptor.annotations.get(REF_NAME, "")


def choose(index: ImageIndex, tag: str) -> Descriptor | None:
    """Give what an index calls `tag`; without a tag, the only image. What is attached to an image is not one.

    Raises:
        UsageError: no tag was given, and there are several images.
        ImageRejected: the tag is given to several.
    """
    if tag:
        found = [each for each in index.manifests if name_of(each) == tag]
        if len(found) > 1:
            raise ImageRejected(f"OCI layout has the tag `{tag}` several times")
    else:
        found = [each for each in index.manifests if not _is_attached(each)]
        if len(found) > 1:
            raise UsageError("say which image is meant, by its tag", hint=_hint(index))
    return found[0] if found else None


def read_tagged(index: ImageIndex, tag: str, region: Regions, *, scratch: Path) -> Image:
    """Read the image that an index calls `tag`; without a tag, the only one.

    Raises:
        UsageError: there is no such image, or no tag was given and there are several.
        ImageRejected: a blob is missing or not what its descriptor says.
        Malformed: a document is not what it should be.
    """
    chosen = choose(index, tag)
    if chosen is None:
        raise UsageError(f"there is no image `{tag}`" if tag else "there is no image", hint=_hint(index))
    return read_image(
        chosen,
        partial(small, region=region),
        lambda layers: [region(layer.digest) for layer in layers],
        scratch=scratch,
    )


def add_tagged(index: ImageIndex, image: Image, tag: str, *, overwrite: bool) -> ImageIndex:
    """Give the index with the image in it under `tag`, or untagged.

    Raises:
        UsageError: another image has the tag, and `overwrite` is not set.
    """
    new = Descriptor(
        media_type=image.manifest.media_type,
        digest=image.digest,
        size=len(image.documents.manifest),
        platform={"os": image.config.os, "architecture": image.config.architecture},
    )
    if not overwrite:
        refuse_other(index, new.digest, tag)
    return add_named(index, new, tag)


def refuse_other(index: ImageIndex, digest: Digest, tag: str) -> None:
    """Refuse to give a name away that another image has.

    Raises:
        UsageError: another image has it.
    """
    if any(each.digest != digest for each in _named(index, tag)):
        raise UsageError(
            f"another image is there as `{tag}`", hint="add `--force` to replace it, or choose another tag"
        )


def add_named(index: ImageIndex, descriptor: Descriptor, tag: str) -> ImageIndex:
    """Give the index with a document in it under `tag`, or untagged, in the place of what was there."""
    annotations = {**descriptor.annotations, REF_NAME: tag} if tag else descriptor.annotations
    same = _named(index, tag)
    others = tuple(each for each in index.manifests if each not in same)
    return replace(index, manifests=(*others, replace(descriptor, annotations=annotations)))


def layers(image: Image) -> tuple[Layer, ...]:
    """Give every layer of an image once."""
    return tuple({layer.descriptor.digest: layer for layer in image.layers}.values())


def blobs(image: Image) -> Iterator[tuple[Descriptor, Reopen]]:
    """Give every blob of an image once, the manifest last; they are still to be compared with their descriptors."""
    for layer in layers(image):
        yield layer.descriptor, layer.stored
    yield from documents(image)


def documents(image: Image) -> Iterator[tuple[Descriptor, Reopen]]:
    """Give the blobs that are no layers, the manifest last."""
    written = image.documents
    yield image.manifest.config, lambda: iter((written.config,))
    manifest = Descriptor(media_type=image.manifest.media_type, digest=image.digest, size=len(written.manifest))
    yield manifest, lambda: iter((written.manifest,))


def small(descriptor: Descriptor, region: Regions) -> bytes:
    """Read a blob that is a document.

    Raises:
        ImageRejected: it is missing, larger than a document may be, or not what its descriptor says.
    """
    if descriptor.size > document.MAX_SIZE:
        raise ImageRejected(f"document {descriptor.digest} is larger than {document.MAX_SIZE} bytes")
    chunks = region(descriptor.digest).chunks()
    return b"".join(stream.verified(chunks, digest=descriptor.digest, size=descriptor.size, what="document"))


def _named(index: ImageIndex, tag: str) -> list[Descriptor]:
    return [each for each in index.manifests if name_of(each) == tag and (tag or not _is_attached(each))]


def _is_attached(descriptor: Descriptor) -> bool:
    return bool(descriptor.artifact_type) or _FALLBACK.fullmatch(name_of(descriptor)) is not None


def _hint(index: ImageIndex) -> str:
    tags = sorted({name_of(each) for each in index.manifests if not _is_attached(each)} - {""})
    return "it has " + ", ".join(f"`{each}`" for each in tags) if tags else "it has no tagged image"
