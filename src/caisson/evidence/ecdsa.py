"""P-256 signatures as Intel writes them: r ‖ s, and keys as x ‖ y, big-endian, 32 bytes each."""

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from caisson.errors import EvidenceRejected

_HALF = 32
_ALGORITHM = ECDSA(SHA256())
_CURVE = SECP256R1()
_UNCOMPRESSED = b"\x04"


def load_point(point: bytes, *, otherwise: Callable[[], EvidenceRejected]) -> EllipticCurvePublicKey:
    """Read a public key of 64 bytes, or raise what `otherwise` makes: a point that is not on the curve is no key."""
    try:
        return EllipticCurvePublicKey.from_encoded_point(_CURVE, _UNCOMPRESSED + point)
    except ValueError as cause:
        raise otherwise() from cause


def verify(
    key: EllipticCurvePublicKey, signature: bytes, message: bytes, *, otherwise: Callable[[], EvidenceRejected]
) -> None:
    """Check a signature of 64 bytes over SHA-256 of `message`, or raise what `otherwise` makes."""
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    try:
        key.verify(encode_dss_signature(r, s), message, _ALGORITHM)
    except InvalidSignature as cause:
        raise otherwise() from cause
