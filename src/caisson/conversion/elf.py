"""What an ELF file asks of the dynamic loader.

Source: System V gABI, chapter 5 (program header, dynamic section); 64-bit little-endian x86-64 only. Section headers
are not read: a loader does not read them either.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from caisson.errors import ImageRejected

MAGIC = b"\x7fELF"

_HEADER = struct.Struct("<4s5B7xHHIQQQIHHHHHH")
HEADER_SIZE = _HEADER.size
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")
_IDENTITY = (2, 1, 1)  # 64-bit, little-endian, version 1
_X86_64 = 62
_LOADABLE = frozenset({2, 3})  # ET_EXEC, ET_DYN; object files, kernel modules and cores are something else
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 14, 15, 29
_MAX_HEADERS = 1 << 10
_MAX_DYNAMIC = 1 << 20
_MAX_TEXT = 1 << 12

ReadAt = Callable[[int, int], bytes]
"""Gives the bytes of a file at an offset, up to a size; fewer at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamic:
    """What one file asks for; a static file asks for nothing. `rpath` and `runpath` are as they stand there."""

    interpreter: str | None = None
    soname: str | None = None
    needed: tuple[str, ...] = ()
    rpath: str = ""
    runpath: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def is_native(start: bytes) -> bool:
    """Tell whether a file that begins with these bytes is an ELF file for x86-64; loaders pass over others."""
    if len(start) < _HEADER.size or not start.startswith(MAGIC):
        return False
    fields = _HEADER.unpack_from(start)
    return fields[1:4] == _IDENTITY and fields[7] == _X86_64


def is_loadable(start: bytes) -> bool:
    """Tell whether a loader would load a file that begins with these bytes, as a program or as a library."""
    return is_native(start) and _HEADER.unpack_from(start)[6] in _LOADABLE


def read_dynamic(read_at: ReadAt, *, path: str) -> Dynamic:
    """Read an ELF file; `path` is for messages.

    Raises:
        ImageRejected: not an ELF file for x86-64, cut short, or of impossible sizes.
    """
    try:
        return _read(read_at)
    except (struct.error, UnicodeDecodeError, LookupError) as cause:
        raise ImageRejected(f"`{path}` begins like an ELF file for x86-64, and is none") from cause


def _read(read_at: ReadAt) -> Dynamic:
    start = read_at(0, _HEADER.size)
    if not is_native(start):
        raise LookupError("header")
    fields = _HEADER.unpack(start)
    table, entry_size, count = fields[10], fields[14], fields[15]
    if entry_size != _PROGRAM_HEADER.size or count > _MAX_HEADERS:
        raise LookupError("program headers")
    headers = _PROGRAM_HEADER.iter_unpack(_exactly(read_at, table, count * entry_size))
    segments = tuple(_Segment(kind=h[0], offset=h[2], address=h[3], size=h[5]) for h in headers)
    interpreter = None
    entries: list[tuple[int, int]] = []
    for segment in segments:
        if segment.kind == _PT_INTERP:
            interpreter = _text(read_at, segment.offset)
        elif segment.kind == _PT_DYNAMIC:
            entries.extend(_entries(read_at, segment))
    return _dynamic(read_at, segments, entries, interpreter)


def _entries(read_at: ReadAt, segment: _Segment) -> Iterator[tuple[int, int]]:
    size = segment.size - segment.size % _DYNAMIC.size
    if size > _MAX_DYNAMIC:
        raise LookupError("dynamic section")
    for tag, value in _DYNAMIC.iter_unpack(_exactly(read_at, segment.offset, size)):
        if tag == _DT_NULL:
            return
        yield tag, value


def _dynamic(
    read_at: ReadAt, segments: tuple[_Segment, ...], entries: list[tuple[int, int]], interpreter: str | None
) -> Dynamic:
    last = dict(entries)
    if not last.keys() & {_DT_NEEDED, _DT_SONAME, _DT_RPATH, _DT_RUNPATH}:
        return Dynamic(interpreter=interpreter)
    strings = _file_offset(segments, last[_DT_STRTAB])

    def optional(tag: int) -> str | None:
        return _text(read_at, strings + last[tag]) if tag in last else None

    return Dynamic(
        interpreter=interpreter,
        soname=optional(_DT_SONAME),
        needed=tuple(_text(read_at, strings + value) for tag, value in entries if tag == _DT_NEEDED),
        rpath=optional(_DT_RPATH) or "",
        runpath=optional(_DT_RUNPATH) or "",
    )


def _file_offset(segments: tuple[_Segment, ...], address: int) -> int:
    for segment in segments:
        if segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size:
            return segment.offset + address - segment.address
    raise LookupError("string table")


def _text(read_at: ReadAt, offset: int) -> str:
    text, end, _ = read_at(offset, _MAX_TEXT).partition(b"\x00")
    if not end:
        raise LookupError("string")
    return text.decode()


def _exactly(read_at: ReadAt, offset: int, size: int) -> bytes:
    raw = read_at(offset, size)
    if len(raw) != size:
        raise LookupError("cut short")
    return raw
