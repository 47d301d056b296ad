"""ATTRIBUTES: what an enclave may do, and which processor state it saves (SDM vol. 3D, 37.7.1)."""

import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Self

from caisson.abi import require_size

_LAYOUT = struct.Struct("<QQ")


class Flags(IntFlag):
    """The named bits of ATTRIBUTES.FLAGS."""

    INIT = 1 << 0
    DEBUG = 1 << 1
    MODE64BIT = 1 << 2
    PROVISIONKEY = 1 << 4
    EINITTOKEN_KEY = 1 << 5
    CET = 1 << 6
    KSS = 1 << 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """FLAGS and XFRM, 64 bits each; 16 bytes, little-endian."""

    SIZE: ClassVar[int] = 16

    flags: int
    xfrm: int

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read 16 bytes.

        Raises:
            Malformed: another length.
        """
        require_size(raw, cls.SIZE, "ATTRIBUTES")
        flags, xfrm = _LAYOUT.unpack(raw)
        return cls(flags=flags, xfrm=xfrm)

    def encode(self) -> bytes:
        """Give the 16 bytes."""
        return _LAYOUT.pack(self.flags, self.xfrm)

    def masked(self, mask: Self) -> Self:
        """Keep only the bits that are set in `mask`."""
        return type(self)(flags=self.flags & mask.flags, xfrm=self.xfrm & mask.xfrm)

    @property
    def debug(self) -> bool:
        """Whether a debugger may read and write the enclave's memory."""
        return bool(self.flags & Flags.DEBUG)
