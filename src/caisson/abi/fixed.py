"""Byte strings of a fixed length that have a meaning, so that no bare `bytes` crosses a package border."""

from dataclasses import dataclass
from typing import ClassVar, Self

from caisson.errors import Malformed


@dataclass(frozen=True, slots=True)
class FixedBytes:
    """A byte string of exactly `SIZE` bytes. Prints as lower-case hex.

    Raises:
        Malformed: the value has another length.
    """

    SIZE: ClassVar[int]
    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != self.SIZE:
            name = type(self).__name__
            raise Malformed(f"{name} has {len(self.value)} bytes, not {self.SIZE}")

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read `SIZE` bytes from hexadecimal digits, in either case and with nothing between them.

        Raises:
            Malformed: not hexadecimal, or of another length.
        """
        try:
            value = bytes.fromhex(text)
        except ValueError as cause:
            raise Malformed(f"{cls.__name__} is not hexadecimal: {text[:80]!r}") from cause
        if len(text) != 2 * len(value):
            raise Malformed(f"{cls.__name__} has white space in it: {text[:80]!r}")
        return cls(value)

    def __str__(self) -> str:
        return self.value.hex()

    def __bytes__(self) -> bytes:
        return self.value


class ReportData(FixedBytes):
    """The 64 bytes that whoever asks for evidence chooses, and the hardware vouches for.

    One type for SGX (SDM vol. 3D, 37.16), TDX and SEV-SNP: what is bound to them does not depend on the hardware.
    """

    __slots__ = ()
    SIZE = 64
