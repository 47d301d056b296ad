"""Byte strings of a fixed length that have a meaning, so that no bare `bytes` crosses a package border."""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from caisson.errors import Malformed

_DIGITS = re.compile("[0-9A-Fa-f]*")


@dataclass(frozen=True, slots=True, init=False)
class FixedBytes:
    """A byte string of exactly `SIZE` bytes. Prints as lower-case hex.

    Raises:
        Malformed: the value has another length.
    """

    SIZE: ClassVar[int]
    value: bytes

    def __init__(self, value: bytes) -> None:
        if len(value) != self.SIZE:
            raise Malformed(f"{type(self).__name__} has {len(value)} bytes, not {self.SIZE}")
        set_value(self, value)

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read `SIZE` bytes from hexadecimal digits, in either case and with nothing between them.

        Raises:
            Malformed: not hexadecimal, or of another length.
        """
        if not _DIGITS.fullmatch(text):
            raise Malformed(f"{cls.__name__} is not hexadecimal: {text[:80]!r}")
        if len(text) != 2 * cls.SIZE:
            raise Malformed(f"{cls.__name__} has {len(text)} digits, not {2 * cls.SIZE}: {text[:80]!r}")
        return cls(bytes.fromhex(text))

    def __str__(self) -> str:
        return self.value.hex()

    def __bytes__(self) -> bytes:
        return self.value


# Where `object.__setattr__` would look each time; every structure is made of these values.
set_value = FixedBytes.__dict__["value"].__set__


class ReportData(FixedBytes):
    """The 64 bytes that whoever asks for evidence chooses, and the hardware vouches for.

    One type for SGX (SDM vol. 3D, 37.16), TDX and SEV-SNP: what is bound to them does not depend on the hardware.
    """

    __slots__ = ()
    SIZE = 64
