"""Reading structures whose parts say how long they are."""

import struct
from typing import Any, Final

from caisson.errors import Malformed

_U16: Final = struct.Struct("<H")
_U32: Final = struct.Struct("<I")


class Cursor:
    """Takes pieces off the front of a byte string; integers are little-endian. `what` names it in errors."""

    __slots__ = ("_at", "_raw", "_what")

    def __init__(self, raw: bytes, *, what: str) -> None:
        self._raw = raw
        self._at = 0
        self._what = what

    @property
    def at(self) -> int:
        """How many bytes were taken."""
        return self._at

    def take(self, size: int) -> bytes:
        """Take exactly `size` bytes.

        Raises:
            Malformed: fewer are left.
        """
        start, end = self._at, self._at + size
        if end > len(self._raw):
            raise self._cut_short(size)
        self._at = end
        return self._raw[start:end]

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Take what `layout` describes: fixed parts in a row are read at once.

        Raises:
            Malformed: fewer bytes are left.
        """
        start, end = self._at, self._at + layout.size
        if end > len(self._raw):
            raise self._cut_short(layout.size)
        self._at = end
        return layout.unpack_from(self._raw, start)

    def u16(self) -> int:
        """Take two bytes as a number.

        Raises:
            Malformed: fewer are left.
        """
        number: int = self.unpack(_U16)[0]
        return number

    def u32(self) -> int:
        """Take four bytes as a number.

        Raises:
            Malformed: fewer are left.
        """
        number: int = self.unpack(_U32)[0]
        return number

    def finish(self) -> None:
        """Refuse whatever was not taken.

        Raises:
            Malformed: bytes are left.
        """
        if self._at != len(self._raw):
            raise Malformed(f"{self._what} has {len(self._raw) - self._at} bytes too many")

    def _cut_short(self, size: int) -> Malformed:
        left = len(self._raw) - self._at
        return Malformed(f"{self._what} is cut short: {size} bytes wanted at offset {self._at}, {left} left")
