"""ECDSA on P-256 with SHA-256, the one kind of signature in Intel's evidence: loading keys and checking signatures.

Intel writes keys as x ‖ y and signatures as r ‖ s, big-endian, 32 bytes each; X.509 writes both in DER.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from caisson.errors import EvidenceRejected

# How a SubjectPublicKeyInfo of an uncompressed point on P-256 begins (RFC 5480, section 2); x ‖ y is all that follows.
P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")

_HALF = 32
# `hashlib` takes half the time for these short messages.
_ALGORITHM = ECDSA(Prehashed(SHA256()))


def load_spki(spki: bytes) -> EllipticCurvePublicKey:
    """Read a SubjectPublicKeyInfo that begins with `P256`.

    Raises:
        ValueError: the rest is not a point on the curve.
    """
    return cast("EllipticCurvePublicKey", load_der_public_key(spki))


def load_point(point: bytes, *, otherwise: Callable[[], EvidenceRejected]) -> EllipticCurvePublicKey:
    """Read a public key of 64 bytes, or raise what `otherwise` makes: a point that is not on the curve is no key."""
    try:
        return load_spki(P256 + point)
    except ValueError as cause:
        raise otherwise() from cause


def is_signed(key: EllipticCurvePublicKey, signature: bytes, digest: bytes) -> bool:
    """Tell whether a signature in DER is one over a message with this SHA-256 digest."""
    try:
        key.verify(signature, digest, _ALGORITHM)
    except InvalidSignature:
        return False
    return True


def verify(
    key: EllipticCurvePublicKey, signature: bytes, message: bytes, *, otherwise: Callable[[], EvidenceRejected]
) -> None:
    """Check a signature of 64 bytes over SHA-256 of `message`, or raise what `otherwise` makes."""
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    if not is_signed(key, encode_dss_signature(r, s), sha256(message).digest()):
        raise otherwise()
