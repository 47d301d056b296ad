"""The publisher's key: ECDSA on P-256, which signs statements about images (docs/reference/provenance.md).

It is another key than the one that signs enclaves: that is RSA with exponent 3, must sign nothing but SIGSTRUCTs, and
is brought out for releases only. P-256 is what every verifier of container signatures knows.
"""

from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from caisson.enclave import read_private_key, write_private_key
from caisson.errors import Malformed, SignatureRejected, UsageError
from caisson.oci import Digest

_HINT = "make one with `caisson provenance key`"


@dataclass(frozen=True, slots=True)
class PublisherId:
    """The SHA-256 of a publisher's public key (SubjectPublicKeyInfo, DER)."""

    digest: Digest

    def __str__(self) -> str:
        return self.digest.hex


@dataclass(frozen=True, slots=True)
class Publisher:
    """A publisher, as others know them: their public key."""

    key: ec.EllipticCurvePublicKey = field(repr=False)

    @classmethod
    def parse(cls, pem: bytes) -> Self:
        """Read a PEM file.

        Raises:
            Malformed: not a public key in PEM, or not one on P-256.
        """
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as cause:
            raise Malformed("publisher's key is not a public key in PEM", hint=_HINT) from cause
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise Malformed("publisher's key is not an ECDSA key on P-256", hint=_HINT)
        return cls(key)

    @property
    def id(self) -> PublisherId:
        """What policies and people call them."""
        return PublisherId(Digest.of(self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)))

    @property
    def pem(self) -> bytes:
        """The public key as a PEM file."""
        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def check(self, signature: bytes, message: bytes) -> None:
        """Check an ECDSA signature (DER) with SHA-256.

        Raises:
            InvalidSignature: it does not verify.
        """
        self.key.verify(signature, message, ec.ECDSA(SHA256()))

    def verify(self, signature: bytes, message: bytes, *, what: str) -> None:
        """Check an ECDSA signature (DER) with SHA-256.

        Raises:
            SignatureRejected: it does not verify.
        """
        try:
            self.check(signature, message)
        except InvalidSignature as cause:
            raise SignatureRejected(f"{what} is not by the publisher {self.id}") from cause


class ProvenanceKey:
    """A publisher's private key; its `repr` shows only their id."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the operating system's randomness."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, pem: bytes, passphrase: bytes | None = None) -> Self:
        """Read a PEM file.

        Raises:
            Malformed: not a private key in PEM.
            UsageError: another kind of key, or a passphrase that is missing, wrong or not needed.
        """
        key = read_private_key(pem, passphrase)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise UsageError("key is not an ECDSA key on P-256", hint=_HINT)
        return cls(key)

    def to_pem(self, passphrase: bytes | None) -> bytes:
        """Write a PEM file (PKCS #8), encrypted if there is a passphrase."""
        return write_private_key(self._key, passphrase)

    @property
    def publisher(self) -> Publisher:
        """The public half."""
        return Publisher(self._key.public_key())

    def sign(self, message: bytes) -> bytes:
        """Sign with ECDSA and SHA-256 (DER); the same message always gives the same signature (RFC 6979)."""
        return self._key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))

    def __repr__(self) -> str:
        return f"<ProvenanceKey {self.publisher.id}>"
