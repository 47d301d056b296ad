"""The one layer that the conversion adds: a sorted archive without times."""

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from caisson.oci import Region
from caisson.oci.tar import Entry, Kind, end, member, padding


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFile:
    """A file of the layer; `path` is absolute and free of links. What is large lies in a file."""

    path: str
    mode: int
    content: bytes | Region = field(repr=False)

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.size

    @property
    def digest(self) -> str:
        """SHA-256, hex."""
        return sha256(self.content).hexdigest() if isinstance(self.content, bytes) else self.content.digest().hex

    def member(self, name: str) -> Iterator[bytes]:
        """Write it as the member `name` of an archive."""
        yield member(Entry(path=name, kind=Kind.FILE, mode=self.mode, size=self.size))
        yield from (self.content,) if isinstance(self.content, bytes) else self.content.chunks()
        yield padding(self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedDirectory:
    """An empty directory, made only where the image has none, and who owns it; `path` is absolute and free of links."""

    path: str
    uid: int = 0
    gid: int = 0


def archive(
    files: tuple[AddedFile, ...],
    directories: tuple[AddedDirectory, ...],
    *,
    existing: Callable[[str], Entry | None],
) -> Iterator[bytes]:
    """Write the archive; `existing` gives a directory that the image has already.

    A directory on the way to something new is repeated as it is: left out, an engine would make one with an owner and
    a mode of its own choice, and cover the image's with it.
    """
    owners = {directory.path: (directory.uid, directory.gid) for directory in directories}
    contents = {file.path: file for file in files}
    fresh = {*contents, *(path for path in owners if existing(path) is None)}
    for path in sorted({*fresh, *_parents(fresh)}):
        name = path.removeprefix("/")
        if (file := contents.get(path)) is not None:
            yield from file.member(name)
        elif (known := existing(path)) is not None:
            yield member(replace(known, path=name))
        else:
            uid, gid = owners.get(path, (0, 0))
            yield member(Entry(path=name, kind=Kind.DIRECTORY, mode=0o755, uid=uid, gid=gid))
    yield end()


def _parents(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        above = posixpath.dirname(path)
        while above != "/":
            yield above
            above = posixpath.dirname(above)
