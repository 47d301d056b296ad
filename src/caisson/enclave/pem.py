"""Private keys as PEM files, in the clear or encrypted, whatever they sign."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from caisson.errors import Malformed, UsageError


def read_private_key(pem: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    """Read a PEM file.

    Raises:
        Malformed: not a private key in PEM.
        UsageError: a passphrase that is missing, wrong or not needed.
    """
    try:
        return load_pem_private_key(pem, passphrase)
    except TypeError as cause:
        if passphrase is None:
            raise UsageError("key is encrypted", hint="give its passphrase with `--passphrase-file`") from cause
        raise UsageError("key is not encrypted, but a passphrase was given", hint="leave the passphrase out") from cause
    except (ValueError, UnsupportedAlgorithm) as cause:
        if passphrase is not None and b"ENCRYPTED" in pem:
            raise UsageError(
                "key cannot be decrypted: wrong passphrase, or not a key",
                hint="is the file's only line the passphrase?",
            ) from cause
        raise Malformed("key is not a private key in PEM") from cause


def write_private_key(key: PrivateKeyTypes, passphrase: bytes | None) -> bytes:
    """Write a PEM file (PKCS #8), encrypted if there is a passphrase.

    Raises:
        UsageError: an empty passphrase.
    """
    if passphrase == b"":
        raise UsageError("passphrase is empty", hint="leave it out to write the key in the clear")
    encryption: KeySerializationEncryption = (
        NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
