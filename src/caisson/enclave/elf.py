"""The program headers of a PAL: which bytes of an ELF file become enclave pages, and where.

Source: System V gABI, chapters 4 (ELF header) and 5 (program header); 64-bit little-endian x86-64 only.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from caisson.enclave.pages import PAGE, page_down, page_up
from caisson.errors import Malformed

_HEADER = struct.Struct("<4s5B7xHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_MAGIC = b"\x7fELF"
_IDENTITY = (2, 1, 1)  # 64-bit, little-endian, version 1
_EXECUTABLE, _SHARED = 2, 3
_X86_64 = 62
_LOAD = 1
_ADDRESS_LIMIT = 1 << 47


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One PT_LOAD: `content` is a view of what the file gives; the rest up to `memory_size` is zero."""

    address: int
    memory_size: int
    content: memoryview
    readable: bool
    writable: bool
    executable: bool

    @property
    def start(self) -> int:
        """The address of the first page."""
        return page_down(self.address)

    @property
    def end(self) -> int:
        """The address after the last page."""
        return page_up(self.address + self.memory_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elf:
    """An ELF file as a loader sees it: an entry point and PT_LOADs in the order of the program headers."""

    entry: int
    segments: tuple[Segment, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read the ELF header and the program headers. Section headers do not matter and are not read.

        Raises:
            Malformed: not an ELF file for x86-64, cut short, or PT_LOADs that no loader could map:
                more bytes in the file than in memory, an offset that does not fit its address, or
                two segments in one page.
        """
        if len(raw) < _HEADER.size:
            raise Malformed(f"PAL is not an ELF file: it has only {len(raw)} bytes")
        magic, *rest = _HEADER.unpack_from(raw)
        identity, (kind, machine, version, entry, table, _, _, size, entry_size, count, *_) = rest[:3], rest[5:]
        if magic != _MAGIC or tuple(identity) != _IDENTITY or version != 1 or size != _HEADER.size:
            raise Malformed("PAL is not a 64-bit little-endian ELF file")
        if kind not in (_EXECUTABLE, _SHARED) or machine != _X86_64:
            raise Malformed("PAL is an ELF file, but not a program or library for x86-64")
        if entry_size != _PROGRAM_HEADER.size or table + count * entry_size > len(raw):
            raise Malformed("PAL has program headers that do not fit into the file")
        if entry >= _ADDRESS_LIMIT:
            raise Malformed(f"PAL has the entry point {entry:#x}, outside of any address space")
        headers = _PROGRAM_HEADER.iter_unpack(raw[table : table + count * entry_size])
        segments = tuple(_segment(raw, header) for header in headers if header[0] == _LOAD)
        _require_own_pages(segments)
        return cls(entry=entry, segments=segments)

    @property
    def start(self) -> int:
        """The address of the lowest page; above 0, the file is linked to a fixed address."""
        return min(segment.start for segment in self.segments)

    @property
    def end(self) -> int:
        """The address after the highest page."""
        return max(segment.end for segment in self.segments)


def _segment(raw: bytes, header: tuple[int, ...]) -> Segment:
    _, flags, offset, address, _, file_size, memory_size, _ = header
    if file_size > memory_size:
        raise Malformed(f"PAL has a segment at {address:#x} with more bytes in the file than in memory")
    if address + memory_size > _ADDRESS_LIMIT:
        raise Malformed(f"PAL has a segment at {address:#x} that ends outside of any address space")
    if offset % PAGE != address % PAGE:
        raise Malformed(f"PAL has a segment at {address:#x} whose file offset {offset:#x} cannot be mapped there")
    content = memoryview(raw)[offset : offset + file_size]
    if len(content) != file_size:
        raise Malformed(f"PAL is cut short: its segment at {address:#x} needs {file_size} bytes of the file")
    return Segment(
        address=address,
        memory_size=memory_size,
        content=content,
        readable=bool(flags & 4),
        writable=bool(flags & 2),
        executable=bool(flags & 1),
    )


def _require_own_pages(segments: tuple[Segment, ...]) -> None:
    if all(segment.start == segment.end for segment in segments):
        raise Malformed("PAL has no segment to load")
    for lower, upper in pairwise(sorted(segments, key=lambda segment: segment.start)):
        if upper.start < lower.end:
            raise Malformed(f"PAL has two segments in the page at {upper.start:#x}")
