"""Bytes that lie in a file, or in a part of one."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from caisson.errors import ImageRejected, Unavailable
from caisson.oci.digest import Digest

CHUNK = 1 << 19
_WHOLE = "was it copied whole?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """`size` bytes at `offset` of the file `path`."""

    path: Path
    offset: int
    size: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Take a whole file."""
        return cls(path=path, offset=0, size=path.stat().st_size)

    def part(self, offset: int, size: int) -> "Region":
        """Take a part; it must lie inside."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ImageRejected(f"`{self.path.name}` ends early: {size} bytes expected at {offset}", hint=_WHOLE)
        return Region(path=self.path, offset=self.offset + offset, size=size)

    def read(self) -> bytes:
        """Read all of it; meant for small regions."""
        return b"".join(self.chunks())

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """Read it piece by piece.

        Raises:
            ImageRejected: the file is shorter than the region.
            Unavailable: the file cannot be read.
        """
        try:
            with self.path.open("rb", buffering=0) as file:
                position, left = self.offset, self.size
                while left:
                    chunk = os.pread(file.fileno(), min(size, left), position)
                    if not chunk:
                        raise ImageRejected(f"`{self.path.name}` ends early: {left} bytes are missing", hint=_WHOLE)
                    yield chunk
                    position += len(chunk)
                    left -= len(chunk)
        except OSError as cause:
            raise Unavailable(f"`{self.path}` cannot be read: {cause.strerror}") from cause

    def digest(self) -> Digest:
        """Hash it; threads that hash at the same time use several cores."""
        state = sha256()
        for chunk in self.chunks():
            state.update(chunk)
        return Digest(state.hexdigest())
