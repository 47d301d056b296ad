"""ECDSA on P-256 with SHA-256, in the fixed-size form that quotes and collateral use."""

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_COORDINATE = 32


def sign_p256(key: EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Sign with a deterministic nonce (RFC 6979): the same key and message give the same r ‖ s, 64 bytes."""
    r, s = decode_dss_signature(key.sign(message, ECDSA(SHA256(), deterministic_signing=True)))
    return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")


def raw_point(key: EllipticCurvePublicKey) -> bytes:
    """Give x ‖ y, 64 bytes big-endian."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
