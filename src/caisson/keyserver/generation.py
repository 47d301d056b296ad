"""Secrets that the server makes itself, so that no person ever sees them."""

import math
import secrets
import string
from dataclasses import dataclass
from enum import StrEnum

from caisson.errors import UsageError
from caisson.keyserver.secret import Secret

_ALPHABET = string.ascii_letters + string.digits
_MINIMUM_BITS = 64
_MOST_CHARACTERS = 1024
_KEY_SIZES = range(16, 65)
_PRINTABLE = frozenset(string.printable) - frozenset(string.whitespace)


class SecretKind(StrEnum):
    """What a secret is made of."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    SYMMETRIC_KEY = "symmetric-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """How to make a secret: characters of `alphabet` for a password (32 by default), bytes for a symmetric key (16).

    Raises:
        UsageError: it would be guessable, or there is no such key.
    """

    kind: SecretKind
    length: int | None = None
    alphabet: str | None = None

    def __post_init__(self) -> None:
        if self.kind is SecretKind.PASSWORD:
            self._check_password()
        elif self.alphabet is not None:
            raise UsageError("a symmetric key has no alphabet", hint="leave `alphabet` out, or make a password")
        elif self._length not in _KEY_SIZES:
            raise UsageError(
                f"a symmetric key has {_KEY_SIZES.start} to {_KEY_SIZES.stop - 1} bytes, not {self._length}"
            )

    def make(self) -> Secret:
        """Make one, from the operating system's randomness."""
        if self.kind is SecretKind.SYMMETRIC_KEY:
            return Secret(secrets.token_bytes(self._length))
        return Secret("".join(secrets.choice(self._alphabet) for _ in range(self._length)).encode())

    @property
    def _length(self) -> int:
        return self.length if self.length is not None else (32 if self.kind is SecretKind.PASSWORD else 16)

    @property
    def _alphabet(self) -> str:
        return _ALPHABET if self.alphabet is None else self.alphabet

    def _check_password(self) -> None:
        distinct = set(self._alphabet)
        if len(distinct) != len(self._alphabet) or not distinct <= _PRINTABLE:
            raise UsageError("an alphabet has printable ASCII characters, each once")
        bits = self._length * math.log2(len(distinct)) if len(distinct) > 1 else 0.0
        if bits < _MINIMUM_BITS:
            raise UsageError(
                f"a password of {self._length} characters out of {len(distinct)} can be guessed ({bits:.0f} bits)",
                hint=f"take at least {_MINIMUM_BITS} bits: a longer password or a larger alphabet",
            )
        if self._length > _MOST_CHARACTERS:
            raise UsageError(f"a password has at most {_MOST_CHARACTERS} characters, not {self._length}")
