"""The key server's identity: an Ed25519 key, known by the SHA-256 of its public key."""

from hashlib import sha256
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from caisson.abi import FixedBytes
from caisson.errors import Malformed


class ServerKeyHash(FixedBytes):
    """SHA-256 of the identity key's SubjectPublicKeyInfo (DER). Images pin it; evidence carries it."""

    __slots__ = ()
    SIZE = 32

    @classmethod
    def of(cls, spki: bytes) -> Self:
        """Hash a DER SubjectPublicKeyInfo."""
        return cls(sha256(spki).digest())


def encode_identity(key: Ed25519PublicKey) -> bytes:
    """Give the key's SubjectPublicKeyInfo (DER, RFC 8410)."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def decode_identity(spki: bytes) -> Ed25519PublicKey:
    """Read an Ed25519 SubjectPublicKeyInfo.

    Raises:
        Malformed: not DER, or another kind of key.
    """
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as cause:
        raise Malformed("server key is not a DER SubjectPublicKeyInfo") from cause
    if not isinstance(key, Ed25519PublicKey) or encode_identity(key) != spki:
        raise Malformed("server key is not an Ed25519 key")
    return key
