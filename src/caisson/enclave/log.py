"""The construction log: the bytes that ECREATE, EADD and EEXTEND feed into SHA-256 (SDM vol. 3D, 38.4.1).

A gigabyte of enclave has 262,144 pages, and each leaves at least 64 bytes in the log. So the log is not written page
by page: a window of pages is written once, and moved over the enclave by overwriting one column of bytes.
"""

import struct
from collections.abc import Iterator, Mapping
from functools import cache

from caisson.enclave.layout import GRAMINE, Area, Layout, LayoutConstants
from caisson.enclave.pages import CHUNK, PAGE

_ECREATE = struct.Struct("<8sIQ44x")
_EADD = struct.Struct("<8sQQ40x")
_EEXTEND = struct.Struct("<8sQ48x")
_OFFSET_AT = 8
_OFFSET_BYTES = 8

_CHUNKS = range(0, PAGE, CHUNK)
_EXTENSION = _EEXTEND.size + CHUNK
_PAGE_RECORD = _EADD.size + len(_CHUNKS) * _EXTENSION
# Windows end where a byte of the offset carries over: after 4,096 and after 16 pages.
_ADDED_LOW_BYTES = 3
_MEASURED_LOW_BYTES = 2


def construction_log(pal: bytes, manifest: bytes, constants: LayoutConstants = GRAMINE) -> Iterator[bytes]:
    """Give the log of an enclave that is built from a PAL (an ELF file) and a manifest, in large pieces.

    The SHA-256 of all pieces is MRENCLAVE. Memory stays below two megabytes, whatever the enclave's size.

    Raises:
        Malformed: a PAL or manifest that cannot be read, or an enclave too small for them. Raised by
            the call itself, before the first piece.
    """
    return _log(Layout.of(pal, manifest, constants))


def _log(layout: Layout) -> Iterator[bytes]:
    yield _ECREATE.pack(b"ECREATE", layout.constants.ssa_frame_pages, layout.size)
    windows: dict[tuple[int, bool], _Window] = {}
    for area in layout.areas:
        key = (int(area.flags), area.content is not None)
        if key not in windows:
            windows[key] = _measured_window(area.flags) if key[1] else _added_window(area.flags)
        yield from _area(area, windows[key])


def _area(area: Area, window: "_Window") -> Iterator[bytes]:
    content = area.content or b""
    at = area.offset
    while at < area.end:
        until = min(area.end, window.end(at))
        piece = content[at - area.offset : until - area.offset]
        records = window.records(at, until)
        yield _filled(records, piece) if piece else bytes(records)
        at = until


def _filled(records: memoryview, content: bytes | memoryview) -> bytes:
    """Put the content of pages behind the EEXTENDs of their chunks."""
    headers, chunks = _columns(len(records) // _PAGE_RECORD)
    if len(content) < chunks.size:
        content = bytes(content).ljust(chunks.size, b"\0")
    pieces = [b""] * (2 * chunks.size // CHUNK)
    pieces[0::2] = headers.unpack(records)
    pieces[1::2] = chunks.unpack(content)
    return b"".join(pieces)


@cache
def _columns(pages: int) -> tuple[struct.Struct, struct.Struct]:
    """Take measured pages apart: their EADDs and EEXTENDs, and what stands between these."""
    first = f"{_EADD.size + _EEXTEND.size}s{CHUNK}x"
    other = f"{_EEXTEND.size}s{CHUNK}x"
    headers = (first + other * (len(_CHUNKS) - 1)) * pages
    return struct.Struct(headers), struct.Struct(f"{CHUNK}s" * len(_CHUNKS) * pages)


def _added_window(flags: int) -> "_Window":
    record = _EADD.pack(b"EADD", 0, flags)
    return _Window(record, {_OFFSET_AT: 0}, low_bytes=_ADDED_LOW_BYTES)


def _measured_window(flags: int) -> "_Window":
    extensions = (_EEXTEND.pack(b"EEXTEND", 0) + bytes(CHUNK) for _ in _CHUNKS)
    record = _EADD.pack(b"EADD", 0, flags) + b"".join(extensions)
    first = _EADD.size + _OFFSET_AT
    offsets = {first + number * _EXTENSION: chunk for number, chunk in enumerate(_CHUNKS)}
    return _Window(record, {_OFFSET_AT: 0, **offsets}, low_bytes=_MEASURED_LOW_BYTES)


class _Window:
    """The records of as many pages as differ only in the `low_bytes` lowest bytes of their offset.

    `offsets` says where in a page's record an offset stands, and what is added to the page's own.
    """

    def __init__(self, record: bytes, offsets: Mapping[int, int], *, low_bytes: int) -> None:
        self._span = 1 << 8 * low_bytes
        self._record = len(record)
        self._pages = self._span // PAGE
        self._records = bytearray(record * self._pages)
        self._high = bytes(_OFFSET_BYTES - low_bytes)
        self._high_at = [at + low_bytes for at in offsets]
        for at, addend in offsets.items():
            packed = struct.pack(f"<{self._pages}Q", *range(addend, self._span, PAGE))
            for byte in range(low_bytes):
                self._records[at + byte :: self._record] = packed[byte::_OFFSET_BYTES]

    def end(self, offset: int) -> int:
        """Where the window that covers `offset` ends."""
        return (offset // self._span + 1) * self._span

    def records(self, start: int, end: int) -> memoryview:
        """Give a view of the records of the pages between two offsets in one window; it is good until the next call."""
        self._move(start // self._span)
        first = start % self._span // PAGE * self._record
        return memoryview(self._records)[first : first + (end - start) // PAGE * self._record]

    def _move(self, number: int) -> None:
        high = number.to_bytes(len(self._high), "little")
        for byte, (now, then) in enumerate(zip(high, self._high, strict=True)):
            if now != then:
                column = bytes((now,)) * self._pages
                for at in self._high_at:
                    self._records[at + byte :: self._record] = column
        self._high = high
