"""Encryption at rest: each record under its own key, each such key under the root key.

AES-256-GCM twice. The place of a record (table, identifier, version) is authenticated in both layers,
so a row that somebody moved, swapped or brought back under another version does not open.
"""

import os
from dataclasses import dataclass
from typing import NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from caisson.errors import SealBroken, UsageError
from caisson.keyserver.secret import Secret
from caisson.protocol import canonical

_NONCE_SIZE = 12
_KEY_SIZE = 32
_WRAPPED_SIZE = _NONCE_SIZE + _KEY_SIZE + 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sealed record belongs."""

    table: str
    identifier: str
    version: int = 1

    def associated_data(self, layer: str) -> bytes:
        """Give the bytes that bind a ciphertext to this place; canonical JSON, so no two places share them."""
        return canonical.encode(
            {"layer": layer, "table": self.table, "identifier": self.identifier, "version": self.version}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A record as it lies in the database: its key wrapped by the root key, and its ciphertext."""

    wrapped_key: bytes
    ciphertext: bytes


class RootKey:
    """The 32-byte key that wraps all record keys; in memory while the server is unsealed, never in the database."""

    __slots__ = ("_cipher",)

    def __init__(self, value: Secret) -> None:
        if len(value) != _KEY_SIZE:
            raise UsageError(f"an unseal key has {_KEY_SIZE} bytes, not {len(value)}")
        self._cipher = AESGCM(value.reveal())

    @classmethod
    def generate(cls) -> tuple[Self, Secret]:
        """Make a new root key, and give its bytes to be kept outside the database."""
        value = Secret(os.urandom(_KEY_SIZE))
        return cls(value), value

    def seal(self, plaintext: Secret, place: Place) -> Sealed:
        """Encrypt a record for its place, under a fresh key."""
        key = os.urandom(_KEY_SIZE)
        return Sealed(
            wrapped_key=_encrypt(self._cipher, key, place.associated_data("key")),
            ciphertext=_encrypt(AESGCM(key), plaintext.reveal(), place.associated_data("record")),
        )

    def open(self, sealed: Sealed, place: Place) -> Secret:
        """Decrypt a record that lies at its place.

        Raises:
            SealBroken: sealed under another root key, for another place, or changed.
        """
        if len(sealed.wrapped_key) != _WRAPPED_SIZE:
            raise _broken(place)
        key = _decrypt(self._cipher, sealed.wrapped_key, place, "key")
        return Secret(_decrypt(AESGCM(key), sealed.ciphertext, place, "record"))

    def __repr__(self) -> str:
        return "RootKey(redacted)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a root key cannot be pickled")


def _encrypt(cipher: AESGCM, plaintext: bytes, associated_data: bytes) -> bytes:
    nonce = os.urandom(_NONCE_SIZE)
    return nonce + cipher.encrypt(nonce, plaintext, associated_data)


def _decrypt(cipher: AESGCM, raw: bytes, place: Place, layer: str) -> bytes:
    try:
        return cipher.decrypt(raw[:_NONCE_SIZE], raw[_NONCE_SIZE:], place.associated_data(layer))
    except (InvalidTag, ValueError) as cause:
        raise _broken(place) from cause


def _broken(place: Place) -> SealBroken:
    return SealBroken(
        f"record {place.table}/{place.identifier}/{place.version} does not open: "
        "it was changed or moved, or the unseal key is another one",
        hint="check `--unseal-key-file`; if it is the right file, restore the database from a backup",
    )
