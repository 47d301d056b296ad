"""Reading structures whose parts say how long they are."""

import struct
from typing import Any, Final

from caisson.errors import Malformed

_U16: Final = struct.Struct("<H")
_U32: Final = struct.Struct("<I")


class Cursor:
    """Takes pieces off the front of a byte string; integers are little-endian. `what` names it in errors."""

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
        piece = self._raw[self._at : self._at + size]
        if len(piece) != size:
            raise Malformed(
                f"{self._what} is cut short: {size} bytes wanted at offset {self._at}, {len(piece)} left",
            )
        self._at += size
        return piece

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Take what `layout` describes: fixed parts in a row are read at once.

        Raises:
            Malformed: fewer bytes are left.
        """
        return layout.unpack(self.take(layout.size))

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
