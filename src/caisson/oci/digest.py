"""Content addresses: the SHA-256 of bytes, written `sha256:…`."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from caisson.errors import Malformed

ALGORITHM = "sha256"
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The SHA-256 of some bytes; `hex` is 64 lower-case digits (OCI image-spec, descriptor.md).

    Raises:
        Malformed: `hex` is something else.
    """

    hex: str

    def __post_init__(self) -> None:
        if _HEX.fullmatch(self.hex) is None:
            raise Malformed(f"not 64 lower-case hexadecimal digits: {self.hex[:80]!r}")

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Hash bytes."""
        return cls(sha256(content).hexdigest())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `sha256:…`.

        Raises:
            Malformed: another algorithm, or not 64 lower-case hexadecimal digits.
        """
        algorithm, _, digits = text.partition(":")
        if algorithm != ALGORITHM:
            raise Malformed(f"digest is not `{ALGORITHM}:…`: {text[:80]!r}")
        return cls(digits)

    def __str__(self) -> str:
        return f"{ALGORITHM}:{self.hex}"
