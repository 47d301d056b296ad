"""Reads what an archive holds and where, without copying a byte of it."""

import os
from collections.abc import Iterable, Iterator

from caisson.errors import ImageRejected
from caisson.oci.region import Region
from caisson.oci.tar import sparse
from caisson.oci.tar.entry import Entry, Kind
from caisson.oci.tar.extended import Extension
from caisson.oci.tar.header import BLOCK, Header
from caisson.oci.tar.path import clean

_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_LINK = b"x", b"g", b"L", b"K"
EXTENSIONS = frozenset({_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_LINK})
MAX_EXTENSION = 1 << 20
_KINDS = {kind.value: kind for kind in Kind} | {b"\x00": Kind.FILE, b"7": Kind.FILE, sparse.OLD_GNU: Kind.FILE}
_DEVICES = frozenset({Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE})
_ZERO = bytes(BLOCK)
_PERMISSIONS = 0o7777


def read_archive(archive: Region) -> Iterator[Entry]:
    """Give the members in their order; a file's `content` is its part of the archive.

    Raises:
        ImageRejected: malformed, cut off, ambiguous, or a path leaves the archive.
    """
    extension = Extension()
    position = 0
    with archive.path.open("rb", buffering=0) as file:
        while (header := _header(file.fileno(), archive, position)) is not None:
            if header.flag in EXTENSIONS:
                size = header.size
                extend(extension, header, archive.part(position + BLOCK, size).chunks())
            else:
                entry, size = entry_of(header, extension, archive, position + BLOCK)
                yield entry
                extension = Extension()
            position += BLOCK + -(-size // BLOCK) * BLOCK
    if extension.used:
        raise ImageRejected("archive ends after an extended header")


def _header(file: int, archive: Region, position: int) -> Header | None:
    """Give the header at a position, or None at the end: two blocks of zeros, or nothing."""
    if position >= archive.size:
        return None
    block = os.pread(file, min(BLOCK, archive.size - position), archive.offset + position)
    if block != _ZERO:
        if len(block) != BLOCK:
            raise ImageRejected("archive ends inside a header")
        return Header.parse(block)
    left = min(BLOCK, archive.size - position - BLOCK)
    if left > 0 and os.pread(file, left, archive.offset + position + BLOCK) != _ZERO[:left]:
        raise ImageRejected("archive goes on after a block of zeros")
    return None


def extend(extension: Extension, header: Header, data: Iterable[bytes]) -> None:
    """Take what an extended header says; `data` is what follows it.

    Raises:
        ImageRejected: malformed, contradictory, or more than 1 MiB.
    """
    if header.size > MAX_EXTENSION:
        raise ImageRejected(f"archive has an extended header of {header.size} bytes")
    raw = b"".join(data)
    match header.flag:
        case b"x":
            extension.records(raw)
        case b"L":
            extension.set_path(raw.partition(b"\x00")[0])
        case b"K":
            extension.set_link(raw.partition(b"\x00")[0])
        case (
            _
        ):  # for all members: readers disagree whether such records count, so only those that matter to nobody pass
            scope = Extension()
            scope.records(raw)
            if scope.used:
                raise ImageRejected("archive has a global pax header that describes members")


def entry_of(header: Header, extension: Extension, archive: Region, start: int) -> tuple[Entry, int]:
    """Give a member, and how many bytes of the archive follow its header.

    Raises:
        ImageRejected: malformed, cut off, ambiguous, or its path leaves the archive.
    """
    kind = _KINDS.get(header.flag)
    if kind is None:
        raise ImageRejected(f"archive has a member of the unknown type {header.flag!r}")
    is_sparse = extension.is_sparse
    own_name = extension.sparse_path if is_sparse else extension.path
    name = _decode(header.name if own_name is None else own_name)
    link = _decode(header.link if extension.link is None else extension.link)
    if kind is Kind.FILE and header.flag == b"\x00" and name.endswith("/"):
        kind = Kind.DIRECTORY  # as archives before POSIX spelt it
    if (kind is Kind.HARD_LINK or kind is Kind.SYMBOLIC_LINK) and not link:
        raise ImageRejected(f"archive has a link without a target: {name[:200]!r}")
    content: Region | None = None
    stored = 0  # what other members than files say about their size is no content
    if kind is Kind.FILE:
        stored = header.size if extension.size is None else extension.size
        if header.flag == sparse.OLD_GNU:
            content, map_size = sparse.old_gnu(header.raw, archive, start, stored)
            stored += map_size
        elif is_sparse:
            content = sparse.pax(archive.part(start, stored), extension.sparse_size or 0)
        else:
            content = archive.part(start, stored)
    elif is_sparse:
        raise ImageRejected(f"archive has a sparse member that is no file: {name[:200]!r}")
    entry = Entry(
        path=clean(name),
        kind=kind,
        mode=header.mode & _PERMISSIONS,
        uid=header.uid if extension.uid is None else extension.uid,
        gid=header.gid if extension.gid is None else extension.gid,
        mtime=header.mtime if extension.mtime is None else extension.mtime,
        link=clean(link) if kind is Kind.HARD_LINK else link if kind is Kind.SYMBOLIC_LINK else "",
        content=content,
        size=0 if content is None else content.size,
        device=header.device if kind in _DEVICES else (0, 0),
        xattrs=extension.xattrs,
    )
    return entry, stored


def _decode(raw: bytes) -> str:
    if b"\x00" in raw:
        raise ImageRejected("archive has a name with a NUL in it")
    return raw.decode(errors="surrogateescape")
