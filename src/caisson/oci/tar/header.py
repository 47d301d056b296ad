"""The 512-byte block before each member (POSIX.1-2001, pax, "ustar Interchange Format")."""

import struct
from dataclasses import dataclass
from typing import Self

from caisson.errors import ImageRejected

BLOCK = 512
_LAYOUT = struct.Struct("100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x")
_CHECKSUM = slice(148, 156)
_POSIX = b"ustar\x00"
_BINARY_FLAG = 0x80
_DEVICES = frozenset({b"3", b"4"})
_MAX_NUMBER = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The fields of one block, which is `raw` if it was read; text is as the bytes stand there, up to the first NUL."""

    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    flag: bytes
    link: bytes
    device: tuple[int, int]
    raw: bytes = b""

    @classmethod
    def parse(cls, block: bytes) -> Self:
        """Read a block.

        Raises:
            ImageRejected: the checksum is wrong, or a field is not a number.
        """
        name, mode, uid, gid, size, mtime, checksum, flag, link, magic, _, _, _, major, minor, prefix = _LAYOUT.unpack(
            block
        )
        spaces = 8 * ord(" ")
        if sum(block) - sum(block[_CHECKSUM]) + spaces != number(checksum, "checksum"):
            raise ImageRejected("tar header has a wrong checksum")
        name = _text(name)
        if magic == _POSIX and (start := _text(prefix)):
            name = start + b"/" + name
        return cls(
            name=name,
            mode=number(mode, "mode"),
            uid=number(uid, "uid"),
            gid=number(gid, "gid"),
            size=number(size, "size"),
            mtime=number(mtime, "mtime"),
            flag=flag,
            link=_text(link),
            raw=block,
            device=(number(major, "device"), number(minor, "device")) if flag in _DEVICES else (0, 0),
        )

    def encode(self) -> bytes:
        """Give the block; what does not fit must have been written as pax records before, and is cut here."""
        block = bytearray(
            _LAYOUT.pack(
                self.name,
                b"%07o\x00" % self.mode,
                _octal(self.uid, 7),
                _octal(self.gid, 7),
                _octal(self.size, 11),
                _octal(self.mtime, 11),
                b" " * 8,
                self.flag,
                self.link,
                _POSIX,
                b"00",
                b"",
                b"",
                _octal(self.device[0], 7),
                _octal(self.device[1], 7),
                b"",
            )
        )
        block[_CHECKSUM] = b"%06o\x00 " % sum(block)
        return bytes(block)


def fits_octal(value: int, digits: int) -> bool:
    """Tell whether a number can be written in so many octal digits."""
    return 0 <= value < 1 << 3 * digits


def _octal(value: int, digits: int) -> bytes:
    return b"%0*o\x00" % (digits, value if fits_octal(value, digits) else 0)


def _text(raw: bytes) -> bytes:
    return raw.partition(b"\x00")[0]


def number(raw: bytes, what: str) -> int:
    """Read a field: octal, or GNU's binary form.

    Raises:
        ImageRejected: it is no number, or an impossible one.
    """
    if raw[0] & _BINARY_FLAG:  # GNU's base-256, big-endian; a set next bit means a negative number
        value = int.from_bytes(raw, "big") - (_BINARY_FLAG << 8 * (len(raw) - 1))
        if raw[0] != _BINARY_FLAG or value > _MAX_NUMBER:
            raise ImageRejected(f"tar header has an impossible {what}")
        return value
    digits = raw.strip(b" \x00")
    if not digits:
        return 0
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise ImageRejected(f"tar header has a {what} that is not octal")
    return int(digits, 8)
