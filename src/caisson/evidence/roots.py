"""Trust anchors: whose word ends the argument."""

from hashlib import sha256
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caisson.abi import FixedBytes
from caisson.errors import Malformed


class RootKey(FixedBytes):
    """SHA-256 of a root's SubjectPublicKeyInfo (DER).

    The key is the anchor, not one certificate of it: Intel has issued several certificates for the one key of
    its SGX root (ending in 2033 and in 2049), and quotes of real machines carry either.
    """

    __slots__ = ()
    SIZE = 32

    @classmethod
    def of(cls, certificate: x509.Certificate) -> Self:
        """Name the key of a parsed certificate."""
        spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(sha256(spki).digest())

    @classmethod
    def of_pem(cls, pem: bytes) -> Self:
        """Name the key of one PEM certificate.

        Raises:
            Malformed: not a certificate.
        """
        try:
            return cls.of(x509.load_pem_x509_certificate(pem))
        except (ValueError, UnsupportedAlgorithm) as cause:
            raise Malformed("root is not a PEM certificate") from cause


# The key of "Intel SGX Root CA", the same for SGX and TDX.
INTEL_SGX_ROOT = RootKey.from_hex("a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e")
