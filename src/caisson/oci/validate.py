"""Checks what an image claims about itself: all of it, or what can be known without reading its layers again."""

from caisson.errors import ImageRejected
from caisson.oci import stream
from caisson.oci.filesystem import FileSystem
from caisson.oci.image import Image
from caisson.oci.layer import unpack
from caisson.oci.limits import DEFAULT, Limits


def check(image: Image) -> None:
    """Check an image that is about to be written, without reading a layer: its blobs are compared on their way.

    1. The manifest names this configuration and these layers, by digest and size, and says what the image says.
    2. If the image was changed here, it is for Linux, and its history, if there is one, tells of every layer.

    Raises:
        ImageRejected: one of these does not hold.
        Malformed: a document is not what it should be.
    """
    # 1.
    documents = image.documents
    if Image.of(documents.manifest, documents.config, image.layers).config != image.config:
        raise ImageRejected("image is not what its documents say")
    # 2.
    if image.received is None:
        _check_configuration(image)


def validate(image: Image, *, limits: Limits = DEFAULT) -> FileSystem:
    """Read an image whole, and give its files.

    1. The manifest names this configuration and these layers, by digest and size.
    2. Every blob has the digest and size of its descriptor, and unpacks to its diff ID.
    3. The configuration is for Linux, and its history, if there is one, tells of every layer.
    4. Every layer can be understood in one way only.

    Raises:
        ImageRejected: one of these does not hold.
        Malformed: a document is not what it should be.
    """
    # 1.
    check(image)
    # 2.
    for number, layer in enumerate(image.layers):
        try:
            for _ in stream.verified(unpack(layer, limits=limits), digest=layer.diff_id, what="unpacked layer"):
                pass
        except ImageRejected as error:
            raise ImageRejected(f"layer {number + 1}: {error.message}", hint=error.hint) from error
    # 3.
    _check_configuration(image)
    # 4.
    return FileSystem.of(image, limits=limits)


def _check_configuration(image: Image) -> None:
    if image.config.os != "linux":
        raise ImageRejected(f"image is for `{image.config.os}`, not for `linux`")
    described = sum(1 for entry in image.config.history if not entry.get("empty_layer"))
    if image.config.history and described != len(image.layers):
        raise ImageRejected(f"image has {len(image.layers)} layers, and a history of {described}")
