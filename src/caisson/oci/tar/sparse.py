"""How archives say where a file's holes are: GNU's old form, and the one of pax (GNU tar manual, "Sparse Formats")."""

from collections.abc import Iterator

from caisson.errors import ImageRejected
from caisson.oci.region import Region
from caisson.oci.sparse import Extent, SparseRegion
from caisson.oci.tar.header import BLOCK, number

OLD_GNU = b"S"
_FIELD, _IN_HEADER, _IN_BLOCK = 12, 4, 21
_MAP_AT, _MORE_AT, _SIZE_AT = 386, 482, 483
_MORE_IN_BLOCK = _IN_BLOCK * 2 * _FIELD
_MAX_EXTENTS = 1 << 20
_MAX_DIGITS = 18


def old_gnu(header: bytes, archive: Region, start: int, stored: int) -> tuple[SparseRegion, int]:
    """Read a member whose header has the beginning of the map; give it, and how many bytes of map follow the header.

    Raises:
        ImageRejected: the map is malformed, or contradicts what is stored.
    """
    extents = list(_fields(header[_MAP_AT:_MORE_AT]))
    more, position = header[_MORE_AT], start
    while more:
        block = archive.part(position, BLOCK).read()
        extents += _fields(block[:_MORE_IN_BLOCK])
        more = block[_MORE_IN_BLOCK]
        position += BLOCK
        _bound(len(extents))
    size = number(header[_SIZE_AT : _SIZE_AT + _FIELD], "size")
    content = SparseRegion.within(archive.part(position, stored), _without_empty(extents), size)
    return content, position - start


def pax(data: Region, size: int) -> SparseRegion:
    """Read a member of pax's form 1.0: its data begin with the map, in decimal numbers, up to the end of a block.

    Raises:
        ImageRejected: the map is malformed, or contradicts what is stored.
    """
    numbers = _numbers(data)
    count, end = next(numbers)
    _bound(count)
    extents = []
    for _ in range(count):
        start, _ = next(numbers)
        length, end = next(numbers)
        extents.append(Extent(start=start, size=length))
    map_size = -(-end // BLOCK) * BLOCK
    return SparseRegion.within(data.part(map_size, data.size - map_size), _without_empty(extents), size)


def _fields(raw: bytes) -> Iterator[Extent]:
    for position in range(0, len(raw), 2 * _FIELD):
        start, size = raw[position : position + _FIELD], raw[position + _FIELD : position + 2 * _FIELD]
        if any(start) or any(size):
            yield Extent(start=number(start, "sparse map"), size=number(size, "sparse map"))


def _numbers(data: Region) -> Iterator[tuple[int, int]]:
    """Give each number, and where the next line begins."""
    position, pending = 0, b""
    while position < data.size and len(pending) < BLOCK:
        block = data.part(position, min(BLOCK, data.size - position)).read()
        position += len(block)
        pending += block
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            if not line.isdigit() or len(line) > _MAX_DIGITS:
                raise ImageRejected("archive has a sparse map that is no list of numbers")
            yield int(line), position - len(pending)
    raise ImageRejected("archive has a sparse map that ends early")


def _bound(extents: int) -> None:
    if extents > _MAX_EXTENTS:
        raise ImageRejected(f"archive has a sparse file of more than {_MAX_EXTENTS} parts")


def _without_empty(extents: list[Extent]) -> tuple[Extent, ...]:
    """Drop what marks a hole at a file's end."""
    return tuple(extent for extent in extents if extent.size)
