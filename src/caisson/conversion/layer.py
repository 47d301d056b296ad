"""The one layer that the conversion adds: a sorted archive without times."""

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from caisson.oci.tar import Entry, Kind, end, member, padding


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFile:
    """A file of the layer; `path` is absolute and free of links."""

    path: str
    mode: int
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedDirectory:
    """An empty directory, made only where the image has none, and who owns it; `path` is absolute and free of links."""

    path: str
    uid: int = 0
    gid: int = 0


def archive(
    files: tuple[AddedFile, ...], directories: tuple[AddedDirectory, ...], *, exists: Callable[[str], bool]
) -> Iterator[bytes]:
    """Write the archive. `exists` tells whether the image has a directory already."""
    owners = {directory.path: (directory.uid, directory.gid) for directory in directories}
    contents = {file.path: file for file in files}
    for path in sorted({*_with_parents((*owners, *map(posixpath.dirname, contents))), *contents}):
        name = path.removeprefix("/")
        if (file := contents.get(path)) is not None:
            yield member(Entry(path=name, kind=Kind.FILE, mode=file.mode, size=len(file.content)))
            yield file.content
            yield padding(len(file.content))
        elif not exists(path):
            uid, gid = owners.get(path, (0, 0))
            yield member(Entry(path=name, kind=Kind.DIRECTORY, mode=0o755, uid=uid, gid=gid))
    yield end()


def _with_parents(paths: tuple[str, ...]) -> Iterator[str]:
    for path in paths:
        above = path
        while above != "/":
            yield above
            above = posixpath.dirname(above)
