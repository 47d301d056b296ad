"""Writing `ld.so.cache`: where glibc's dynamic loader finds each library, by name.

The C library of a runtime bundle was built for another prefix than the image's: it would look neither in the image's
directories nor into its cache. With a cache of its own it finds exactly the libraries that are trusted, without a
variable that the program and its children would see too.

Source: glibc, sysdeps/generic/dl-cache.h (format 1.1, since 2.2) and elf/dl-cache.c, `_dl_cache_libcmp` for the order.
"""

import re
import struct
from collections.abc import Mapping

_MAGIC = b"glibc-ld.so.cache1.1"
_LITTLE_ENDIAN = 2
_HEADER = struct.Struct("<20sIIB3xI12x")
_ENTRY = struct.Struct("<iIIIQ")
_X86_64_LIBC6 = 0x0303
_PIECE = re.compile(r"([0-9]+)|(.)", re.DOTALL)


def library_cache(libraries: Mapping[str, str]) -> bytes:
    """Give a cache in which `libraries` leads from a library's name to its path."""
    ordered = sorted(libraries, key=_rank, reverse=True)
    strings = bytearray()
    start = _HEADER.size + len(ordered) * _ENTRY.size

    def place(text: str) -> int:
        at = start + len(strings)
        strings.extend(text.encode() + b"\0")
        return at

    entries = [_ENTRY.pack(_X86_64_LIBC6, place(name), place(libraries[name]), 0, 0) for name in ordered]
    return _HEADER.pack(_MAGIC, len(ordered), len(strings), _LITTLE_ENDIAN, 0) + b"".join(entries) + strings


def _rank(name: str) -> tuple[tuple[bool, int], ...]:
    """Order names as the loader's binary search does: a run of digits by its value, above every other character."""
    return tuple(
        (True, int(number)) if number else (False, ord(character)) for number, character in _PIECE.findall(name)
    )
