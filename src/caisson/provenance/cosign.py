"""Signatures that cosign verifies (https://github.com/sigstore/cosign, specs/SIGNATURE_SPEC.md).

A signature is an image of its own beside the signed one, under a tag that is made of the signed digest. Each of its
layers is a payload in the format "simple signing"; the layer's descriptor carries the signature over it.
"""

import base64
import binascii
import contextlib
from typing import Any

from caisson.errors import Malformed, SignatureRejected
from caisson.oci import Descriptor, Digest, ImageManifest, MediaType, document
from caisson.provenance.key import ProvenanceKey, Publisher

MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ANNOTATION = "dev.cosignproject.cosign/signature"

_TYPE = "cosign container image signature"


def tag_of(image: Digest) -> str:
    """Give the tag under which an image's signatures are."""
    return f"sha256-{image.hex}.sig"


def encode_payload(image: Digest, *, reference: str) -> bytes:
    """Give what is signed; `reference` is for people, verifiers ignore it."""
    return document.encode(
        {
            "critical": {
                "identity": {"docker-reference": reference},
                "image": {"docker-manifest-digest": str(image)},
                "type": _TYPE,
            },
            "optional": None,
        }
    )


def sign_payload(payload: bytes, key: ProvenanceKey) -> Descriptor:
    """Sign a payload, and give the layer that carries it."""
    return Descriptor(
        media_type=MEDIA_TYPE,
        digest=Digest.of(payload),
        size=len(payload),
        annotations={ANNOTATION: base64.b64encode(key.sign(payload)).decode("ascii")},
    )


def signature_config(layers: tuple[Descriptor, ...]) -> bytes:
    """Give the configuration that an image of signatures has, since registries want one."""
    return document.encode(
        {
            "architecture": "",
            "config": {},
            "os": "",
            "rootfs": {"diff_ids": [str(layer.digest) for layer in layers], "type": "layers"},
        }
    )


def signature_manifest(layers: tuple[Descriptor, ...], config: bytes) -> ImageManifest:
    """Give the manifest of an image of signatures."""
    return ImageManifest(
        config=Descriptor(media_type=MediaType.CONFIG, digest=Digest.of(config), size=len(config)), layers=layers
    )


def verify_payload(layer: Descriptor, payload: bytes, publisher: Publisher, *, image: Digest) -> None:
    """Check one signature.

    1. The layer carries a signature over this payload.
    2. The signature is the publisher's.
    3. The payload, read only now, is a signature of an image, and of this one.

    Raises:
        SignatureRejected: not by this publisher, or of another image.
        Malformed: not a payload, or no signature.
    """
    # 1.
    if layer.media_type != MEDIA_TYPE or layer.digest != Digest.of(payload):
        raise Malformed("layer is no signature of cosign's, or not of this payload")
    # 2.
    publisher.verify(_signature(layer), payload, what="cosign signature")
    # 3.
    critical = _object(document.decode_object(payload, what="cosign payload").require("critical", dict))
    if critical.require("type", str) != _TYPE:
        raise Malformed("cosign payload is of another type")
    signed = _object(critical.require("image", dict)).require("docker-manifest-digest", str)
    if Digest.parse(signed) != image:
        raise SignatureRejected(f"cosign signature is of another image: {signed[:80]}")


def is_signed(layers: tuple[tuple[Descriptor, bytes], ...], publisher: Publisher, *, image: Digest) -> bool:
    """Tell whether one of several signatures is the publisher's and of this image; others count for nothing."""
    for layer, payload in layers:
        with contextlib.suppress(SignatureRejected, Malformed):
            verify_payload(layer, payload, publisher, image=image)
            return True
    return False


def _signature(layer: Descriptor) -> bytes:
    try:
        return base64.b64decode(layer.annotations.get(ANNOTATION, ""), validate=True)
    except (binascii.Error, ValueError) as cause:
        raise Malformed("cosign signature is not base64") from cause


def _object(value: dict[str, Any]) -> document.Members:
    return document.Members.of(value, what="cosign payload")
