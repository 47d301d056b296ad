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
        """Read `SIZE` bytes from hexadecimal digits, in either case.

        Raises:
            Malformed: not hexadecimal, or of another length.
        """
        try:
            return cls(bytes.fromhex(text))
        except ValueError as cause:
            raise Malformed(f"{cls.__name__} is not hexadecimal: {text[:80]!r}") from cause

    def __str__(self) -> str:
        return self.value.hex()

    def __bytes__(self) -> bytes:
        return self.value


class MrEnclave(FixedBytes):
    """SHA-256 over the enclave's construction log (SDM vol. 3D, 38.4.1)."""

    __slots__ = ()
    SIZE = 32


class MrSigner(FixedBytes):
    """SHA-256 over the little-endian modulus of the SIGSTRUCT's key (SDM vol. 3D, 38.4.2)."""

    __slots__ = ()
    SIZE = 32


class ReportData(FixedBytes):
    """The 64 bytes an enclave chooses and the CPU vouches for (SDM vol. 3D, 37.16)."""

    __slots__ = ()
    SIZE = 64


class CpuSvn(FixedBytes):
    """The security version of the CPU, microcode and SGX firmware (SDM vol. 3D, 37.16)."""

    __slots__ = ()
    SIZE = 16
