"""The outline of an archive: all of it but the inside of large files, whose digests are known instead.

Reading an image takes the headers of its layers, small files, programs and libraries; of other files mostly their
digest is asked. An outline has all that at the places where the archive has it, and holes where the rest would be: a
layer is unpacked, checked, hashed, read and written in one pass, and most of it is never written.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256
from pathlib import Path

from caisson.errors import ImageRejected, Unavailable
from caisson.oci import stream
from caisson.oci.digest import Digest
from caisson.oci.limits import DEFAULT
from caisson.oci.region import CHUNK, Region
from caisson.oci.tar.entry import Entry, Kind
from caisson.oci.tar.extended import Extension
from caisson.oci.tar.header import BLOCK, Header
from caisson.oci.tar.reader import EXTENSIONS, MAX_EXTENSION, entry_of, extend, read_archive
from caisson.oci.tar.sparse import OLD_GNU

LARGE = 1 << 20  # bytes from which on a file is not kept
HEAD = 4096  # bytes of such a file that are kept all the same: what it is can be seen there

_ELF = b"\x7fELF"
_ZERO = bytes(BLOCK)
_UNBOUNDED = 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterRegion(Region):
    """A file of an outline. But for its first `head` bytes it is a hole: they are read from the `whole` archive.

    `known` is its digest, if it is a whole file.
    """

    whole: Callable[[], Region] = field(repr=False, compare=False)
    known: Digest | None
    head: int

    def part(self, offset: int, size: int) -> Region:
        """Take a part; see `Region`."""
        inner = Region(path=self.path, offset=self.offset, size=self.size).part(offset, size)
        if offset + size <= self.head:
            return inner
        return LaterRegion(
            path=inner.path,
            offset=inner.offset,
            size=size,
            whole=self.whole,
            known=None,
            head=max(self.head - offset, 0),
        )

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """Read it piece by piece; see `Region`."""
        return self.whole().part(self.offset, self.size).chunks(size)

    def digest(self) -> Digest:
        """Give its digest, which was computed when the archive was read."""
        return Region.digest(self) if self.known is None else self.known


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """An archive with holes: `skipped` gives the digests of the files in them, by offset and size.

    `members` are what it holds, if that was read on the way.
    """

    archive: Region
    skipped: dict[tuple[int, int], Digest] = field(default_factory=dict)
    members: tuple[Entry, ...] | None = field(default=None, repr=False)

    def entries(self, whole: Callable[[], Region]) -> Iterator[Entry]:
        """Give the archive's members; `whole` gives the archive without holes, if one is looked into.

        Raises:
            ImageRejected: see `read_archive`.
        """
        left = dict(self.skipped)
        for entry in read_archive(self.archive) if self.members is None else self.members:
            content = entry.content
            if content is None or (known := left.pop((content.offset, content.size), None)) is None:
                yield entry
                continue
            later = LaterRegion(
                path=content.path, offset=content.offset, size=content.size, whole=whole, known=known, head=HEAD
            )
            yield entry.holding(later)
        if left:
            raise ImageRejected("archive reads otherwise than it was unpacked")


def outline(chunks: Iterable[bytes], directory: Path, *, large: int = LARGE) -> Outline:
    """Write the outline of a stream into a new file of `directory`; one that breaks off leaves nothing.

    Files of `large` bytes are not kept, if they are larger than their head and no programs or libraries.

    What is no archive is written whole: who reads it says what is wrong with it.

    Raises:
        Unavailable: it cannot be written.
    """
    path = stream.reserve(directory)
    walk = _Walk(path, max(large, HEAD + 1))
    try:
        with path.open("r+b", buffering=0) as file:
            for chunk in chunks:
                for position, kept in walk.kept(memoryview(chunk)):
                    _write(file.fileno(), kept, position)
            file.truncate(walk.position)
        return Outline(archive=Region.of(path), skipped=walk.skipped, members=walk.members)
    except OSError as cause:
        path.unlink(missing_ok=True)
        raise Unavailable(f"`{directory}` cannot be written: {cause.strerror}") from cause
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _write(file: int, view: memoryview, position: int) -> None:
    while view:
        written = os.pwrite(file, view, position)
        view, position = view[written:], position + written


class _Stage(Enum):
    HEADER = auto()
    EXTENSION = auto()  # what follows an extended header
    KEPT = auto()
    HEAD = auto()  # of a large file
    SKIPPED = auto()
    END = auto()  # the second block of zeros
    REST = auto()  # behind the end, or what is no archive: all of it is kept


class _Walk:
    """Goes through an archive as it comes, by the rules of `read_archive`, and says what is kept of it.

    `path` is where it is written. `members` are known when it has ended as it should; of any other, and of one with
    sparse files, `read_archive` says what it holds.
    """

    def __init__(self, path: Path, large: int) -> None:
        self.position = 0
        self.skipped: dict[tuple[int, int], Digest] = {}
        self.members: tuple[Entry, ...] | None = None
        self._archive = Region(path=path, offset=0, size=_UNBOUNDED)
        self._large = large
        self._read: list[Entry] = []
        self._stage, self._left = _Stage.HEADER, BLOCK
        self._plan: list[tuple[_Stage, int]] = []  # what comes next, the last one first
        self._buffer = bytearray()
        self._header: Header | None = None
        self._extension = Extension()
        self._file = (0, 0)
        self._hash = sha256()

    def kept(self, chunk: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Take the next piece of the archive; give what is kept of it, and where that stands."""
        start = at = 0
        while at < len(chunk) and (stage := self._stage) is not _Stage.REST:
            piece = chunk[at : at + self._left]
            if stage is _Stage.SKIPPED:
                if start < at:
                    yield self.position + start, chunk[start:at]
                start = at + len(piece)
                self._hash.update(piece)
            elif stage is not _Stage.KEPT:
                self._buffer += piece
                if stage is _Stage.HEAD:
                    self._hash.update(piece)
            at += len(piece)
            self._left -= len(piece)
            if not self._left:
                self._advance(self.position + at)
        if start < len(chunk):
            yield self.position + start, chunk[start:]
        self.position += len(chunk)

    def _advance(self, position: int) -> None:
        raw = bytes(self._buffer)
        self._buffer.clear()
        try:
            match self._stage:
                case _Stage.HEADER:
                    self._plan = self._after_header(raw, position)
                case _Stage.EXTENSION if self._header is not None:
                    extend(self._extension, self._header, [raw])
                case _Stage.HEAD if raw.startswith(_ELF):
                    self._plan = [(_Stage.KEPT, sum(length for _, length in self._plan))]
                case _Stage.SKIPPED:
                    self.skipped[self._file] = Digest(self._hash.hexdigest())
                case _Stage.END:
                    if raw == _ZERO and not self._extension.used:
                        self.members = tuple(self._read)
                    self._plan = [(_Stage.REST, 0)]
        except ImageRejected:
            self._plan = [(_Stage.REST, 0)]
        self._stage, self._left = self._plan.pop() if self._plan else (_Stage.HEADER, BLOCK)

    def _after_header(self, block: bytes, position: int) -> list[tuple[_Stage, int]]:
        if block == _ZERO:
            return [(_Stage.END, BLOCK)]
        header = self._header = Header.parse(block)
        if self._is_not_for_us(header):
            return [(_Stage.REST, 0)]
        if header.flag in EXTENSIONS:
            if not header.size:
                extend(self._extension, header, [])
            return _plan((_Stage.EXTENSION, header.size), (_Stage.KEPT, -header.size % BLOCK))
        entry, size = entry_of(header, self._extension, self._archive, position)
        self._extension = Extension()
        self._read.append(entry)
        if entry.kind is not Kind.FILE or size < self._large:
            return _plan((_Stage.KEPT, size + -size % BLOCK))
        self._file, self._hash = (position, size), sha256()
        return _plan((_Stage.HEAD, HEAD), (_Stage.SKIPPED, size - HEAD), (_Stage.KEPT, -size % BLOCK))

    def _is_not_for_us(self, header: Header) -> bool:
        """Whether all from here on is left to `read_archive`: sparse files, and what would fill the memory."""
        if header.flag in EXTENSIONS:
            return header.size > MAX_EXTENSION
        return header.flag == OLD_GNU or self._extension.is_sparse or len(self._read) >= DEFAULT.entries


def _plan(*stages: tuple[_Stage, int]) -> list[tuple[_Stage, int]]:
    return [(stage, length) for stage, length in reversed(stages) if length]
