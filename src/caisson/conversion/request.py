"""What the holder of a key that is elsewhere is asked to sign, and whether it is still the same when they have."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from caisson.conversion.prepared import ConfidentialImage, PreparedImage
from caisson.errors import ImageChanged
from caisson.oci import Image, document

VERSION = 1
_ALGORITHM = "RSASSA-PKCS1-v1_5 with SHA-256, by an RSA-3072 key with exponent 3"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRequest:
    """The 256 bytes to sign, exactly as any HSM hashes and signs them, and the description that people compare."""

    to_be_signed: bytes
    description: bytes

    @classmethod
    def of(cls, image: Image, prepared: PreparedImage) -> Self:
        """Ask for a signature on `image`, which was opened as `prepared`."""
        unsigned = prepared.unsigned
        value = {
            "version": VERSION,
            "algorithm": _ALGORITHM,
            "sha256": sha256(unsigned.signed_bytes).hexdigest(),
            "image": str(image.digest),
            "mrenclave": str(unsigned.mr_enclave),
            "isv_prod_id": unsigned.isv_prod_id,
            "isv_svn": unsigned.isv_svn,
            "date": unsigned.date,
            "debug": unsigned.attributes.debug,
        }
        return cls(to_be_signed=unsigned.signed_bytes, description=f"{json.dumps(value, indent=2)}\n".encode())

    def require_same(self, image: Image, prepared: PreparedImage) -> None:
        """Require that an image is still the one that was exported.

        Raises:
            Malformed: the description is no JSON object.
            ImageChanged: image, request or description are others; all differences are named.
        """
        now = type(self).of(image, prepared)
        if now == self:
            return
        exported, found = (_members(request.description) for request in (self, now))
        reasons = [
            f"`{name}` was exported as {exported.get(name)!r:.100}, and is {found.get(name)!r}"
            for name in sorted(exported.keys() | found.keys())
            if exported.get(name) != found.get(name)
        ]
        if self.to_be_signed != now.to_be_signed:
            reasons.append("the exported bytes are not those of this image")
        if reasons:
            raise ImageChanged(tuple(reasons), hint="export it anew, and have that signed")


def attach_detached(
    request: SigningRequest, image: Image, prepared: PreparedImage, *, modulus: int, signature: bytes
) -> ConfidentialImage:
    """Check what comes back from the key's holder, and make the image's signature of it.

    1. The image is still the one that was exported: its digest, its measurement, the bytes.
    2. The signature fits the key and these bytes.

    Raises:
        ImageChanged: see `SigningRequest.require_same`.
        SignatureRejected: not a signature over these bytes by that key.
    """
    # 1.
    request.require_same(image, prepared)
    # 2.
    return prepared.attach(modulus=modulus, signature=signature)


def _members(description: bytes) -> dict[str, Any]:
    return document.decode_object(description, what="description of a signing request").rest()
