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
# The keys of AMD's ARK certificates, one for each product line, as its key distribution service publishes them; VCEKs
# and VLEKs chain to the same.
AMD_MILAN_ROOT = RootKey.from_hex("9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9")
AMD_GENOA_ROOT = RootKey.from_hex("429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831")
AMD_TURIN_ROOT = RootKey.from_hex("4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08")
AMD_ROOTS = frozenset({AMD_MILAN_ROOT, AMD_GENOA_ROOT, AMD_TURIN_ROOT})

VENDOR_ROOTS = AMD_ROOTS | {INTEL_SGX_ROOT}
