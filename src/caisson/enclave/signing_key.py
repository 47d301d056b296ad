"""The author's key: RSA-3072 with exponent 3, the one kind that EINIT knows (SDM vol. 3D, 37.13)."""

from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from caisson.enclave.pem import read_private_key, write_private_key
from caisson.enclave.sigstruct import EXPONENT, KEY_BITS, mr_signer_of
from caisson.errors import Malformed, UsageError
from caisson.sgx import MrSigner

_ANOTHER_KIND = "make one with `caisson key generate`; SGX knows no other kind"


def require_kind(*, bits: int, exponent: int) -> None:
    """Require the one kind of RSA key that EINIT knows.

    Raises:
        UsageError: another length or exponent.
    """
    if (bits, exponent) != (KEY_BITS, EXPONENT):
        raise UsageError(
            f"key is RSA-{bits} with exponent {exponent}, not RSA-{KEY_BITS} with exponent {EXPONENT}",
            hint=_ANOTHER_KIND,
        )


def load_public_key(pem: bytes) -> int:
    """Give the modulus of the public key in a PEM file.

    Raises:
        Malformed: not a public key in PEM.
        UsageError: another kind of key.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as cause:
        raise Malformed("key is not a public key in PEM") from cause
    if not isinstance(key, rsa.RSAPublicKey):
        raise UsageError("key is not an RSA key", hint=_ANOTHER_KIND)
    numbers = key.public_numbers()
    require_kind(bits=key.key_size, exponent=numbers.e)
    return numbers.n


def public_pem(modulus: int) -> bytes:
    """Write a public key as a PEM file (SubjectPublicKeyInfo)."""
    key = rsa.RSAPublicNumbers(EXPONENT, modulus).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class SigningKey:
    """A private key held in memory; a `Signer`. Its `repr` shows only the MRSIGNER.

    Raises:
        UsageError: not RSA-3072 with exponent 3.
    """

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        require_kind(bits=key.key_size, exponent=key.public_key().public_numbers().e)
        self._key = key

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the operating system's randomness."""
        return cls(rsa.generate_private_key(public_exponent=EXPONENT, key_size=KEY_BITS))

    @classmethod
    def load(cls, pem: bytes, passphrase: bytes | None = None) -> Self:
        """Read a PEM file.

        Raises:
            Malformed: not a private key in PEM.
            UsageError: another kind of key, or a passphrase that is missing, wrong or not needed.
        """
        key = read_private_key(pem, passphrase)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise UsageError("key is not an RSA key", hint=_ANOTHER_KIND)
        return cls(key)

    def to_pem(self, passphrase: bytes | None) -> bytes:
        """Write a PEM file (PKCS #8), encrypted if there is a passphrase.

        Raises:
            UsageError: an empty passphrase.
        """
        return write_private_key(self._key, passphrase)

    @property
    def modulus(self) -> int:
        """The public modulus."""
        return self._key.public_key().public_numbers().n

    @property
    def mr_signer(self) -> MrSigner:
        """What enclaves signed with this key say about their author."""
        return mr_signer_of(self.modulus)

    def sign(self, message: bytes) -> bytes:
        """Sign with RSASSA-PKCS1-v1_5 and SHA-256: 384 bytes, big-endian."""
        return self._key.sign(message, PKCS1v15(), SHA256())

    def __repr__(self) -> str:
        return f"<SigningKey {self.mr_signer}>"
