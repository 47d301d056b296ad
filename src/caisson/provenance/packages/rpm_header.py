"""One package of an RPM database: a header blob (rpm's manual, "RPM Package Format", "Header")."""

import struct
from dataclasses import dataclass
from typing import Self

from caisson.errors import Malformed

_PREFIX = struct.Struct(">II")
_ENTRY = struct.Struct(">IIiI")
_MAX_ENTRIES = 1 << 16
_INT32, _STRING, _STRING_ARRAY, _I18N_STRING = 4, 6, 8, 9
_STRINGS = frozenset({_STRING, _STRING_ARRAY, _I18N_STRING})


@dataclass(frozen=True, slots=True)
class RpmHeader:
    """Tags and their values; of several values, the first."""

    values: dict[int, str | int]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read the numbers and strings of a header; tags of other types are left out.

        Raises:
            Malformed: it ends early, or something in it lies outside.
        """
        if len(raw) < _PREFIX.size:
            raise Malformed("RPM header ends early")
        count, size = _PREFIX.unpack_from(raw)
        start = _PREFIX.size + count * _ENTRY.size
        if count > _MAX_ENTRIES or start + size != len(raw):
            raise Malformed("RPM header is not as long as it says")
        values: dict[int, str | int] = {}
        for number in range(count):
            tag, kind, offset, _ = _ENTRY.unpack_from(raw, _PREFIX.size + number * _ENTRY.size)
            if kind not in _STRINGS and kind != _INT32:
                continue
            values.setdefault(tag, _value(raw, kind, start + offset, start))
        return cls(values)

    def text(self, tag: int) -> str:
        """Give a string; empty if there is none."""
        value = self.values.get(tag, "")
        return value if isinstance(value, str) else ""

    def number(self, tag: int) -> int | None:
        """Give a number, if there is one."""
        value = self.values.get(tag)
        return value if isinstance(value, int) else None


def _value(raw: bytes, kind: int, at: int, start: int) -> str | int:
    if kind == _INT32:
        if not start <= at <= len(raw) - 4:
            raise Malformed("RPM header has a number outside of itself")
        return int.from_bytes(raw[at : at + 4], "big")
    end = raw.find(b"\0", at) if start <= at < len(raw) else -1
    if end < 0:
        raise Malformed("RPM header has a string outside of itself")
    return raw[at:end].decode(errors="replace")
