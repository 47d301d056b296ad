"""Files with holes: bytes that lie in pieces, and zeros that lie nowhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from caisson.errors import ImageRejected
from caisson.oci.region import CHUNK, Region

_MAX_SIZE = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """`size` bytes of a file, from its `start` on, that are not a hole."""

    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseRegion(Region):
    """A file of `size` bytes: those in `extents` lie one after another from `offset` on, the rest are zeros."""

    extents: tuple[Extent, ...]

    @classmethod
    def within(cls, stored: Region, extents: tuple[Extent, ...], size: int) -> Self:
        """Make one of what is stored.

        Raises:
            ImageRejected: the extents overlap, leave the file, or are not what is stored.
        """
        position = 0
        for extent in extents:
            if extent.start < position:
                raise ImageRejected("archive has a sparse file whose parts overlap")
            position = extent.start + extent.size
        if not position <= size <= _MAX_SIZE or sum(extent.size for extent in extents) != stored.size:
            raise ImageRejected("archive has a sparse file that contradicts itself")
        return cls(path=stored.path, offset=stored.offset, size=size, extents=extents)

    def part(self, offset: int, size: int) -> Region:
        """Take a part; see `Region`."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ImageRejected(f"`{self.path.name}` ends early: {size} bytes expected at {offset}")
        stored, first, kept = self.offset, None, []
        for extent in self.extents:
            start, end = max(extent.start, offset), min(extent.start + extent.size, offset + size)
            if start < end:
                first = stored + start - extent.start if first is None else first
                kept.append(Extent(start=start - offset, size=end - start))
            stored += extent.size
        at = self.offset if first is None else first
        return SparseRegion(path=self.path, offset=at, size=size, extents=tuple(kept))

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """Read it piece by piece; see `Region`."""
        zeros = bytes(size)
        position, stored = 0, self.offset
        for extent in (*self.extents, Extent(start=self.size, size=0)):
            while position < extent.start:
                hole = min(size, extent.start - position)
                yield zeros[:hole]
                position += hole
            yield from Region(path=self.path, offset=stored, size=extent.size).chunks(size)
            position += extent.size
            stored += extent.size
