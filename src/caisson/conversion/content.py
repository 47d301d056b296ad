"""An image's file system as the conversion reads it: real paths, hashes, and where a new file would lie."""

import fnmatch
import os
import posixpath
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from caisson.errors import UsageError
from caisson.oci import FileSystem, Found, Image, Region
from caisson.oci.tar import Entry, Kind

_EXECUTABLE = 0o111
_BATCH = 1 << 20  # bytes


class Content:
    """The files of an image; implements `closure.Files`."""

    def __init__(self, image: Image) -> None:
        self._view = FileSystem.of(image)

    def resolve(self, path: str) -> str | None:
        """Give the real path of the regular file that `path` leads to, or nothing."""
        found = self._view.find(path)
        return None if found is None or found.content is None else found.path

    def is_executable(self, path: str) -> bool:
        """Tell whether `path` leads to a regular file that somebody may execute."""
        found = self._view.find(path)
        return found is not None and found.content is not None and bool(found.entry.mode & _EXECUTABLE)

    def directory(self, path: str) -> Entry | None:
        """Give the directory that `path` leads to, with its owner and mode."""
        found = self._view.find(path)
        return found.entry if found is not None and found.is_directory else None

    def region(self, path: str) -> Region | None:
        """Give the bytes of the regular file that `path` leads to."""
        found = self._view.find(path)
        return None if found is None else found.content

    def read(self, path: str) -> bytes | None:
        """Read a small file, if it is there."""
        region = self.region(path)
        return None if region is None else region.read()

    def text(self, path: str) -> str:
        """Read a small text file, empty if it is not there."""
        return (self.read(path) or b"").decode(errors="replace")

    def read_at(self, path: str, offset: int, size: int) -> bytes:
        """Read a part of a regular file by its real path; fewer bytes at its end."""
        region = self.region(path)
        if region is None or not 0 <= offset <= region.size:
            return b""
        return region.part(offset, min(size, region.size - offset)).read()

    def list_directory(self, path: str) -> tuple[str, ...]:
        """Give the sorted names in a directory, none if there is no such directory."""
        top = self._view.find(path)
        if top is None or not top.is_directory:
            return ()
        return self._view.children(top.path)

    def files_below(self, path: str) -> tuple[str, ...]:
        """Give the real paths of a regular file, or of all regular files below a directory and behind links in it.

        Raises:
            UsageError: there is nothing at `path`.
        """
        found = self._view.find(path)
        if found is None:
            raise UsageError(f"the recipe trusts `{path}`, which the image does not have")
        if found.content is not None:
            return (found.path,)
        below = self._view.walk(found.path)
        reals = (each.path if each.content is not None else self._behind(each) for each in below)
        return tuple(dict.fromkeys(real for real in reals if real is not None))

    def _behind(self, found: Found) -> str | None:
        return self.resolve(found.path) if found.entry.kind is Kind.SYMBOLIC_LINK else None

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Give the sorted real paths of regular files whose path matches; `*`, `?` and `[…]` stay in their segment."""
        found = [""]
        for segment in pattern.strip("/").split("/"):
            found = [
                f"{above}/{name}"
                for above in found
                for name in fnmatch.filter(self.list_directory(above or "/"), segment)
            ]
        return tuple(sorted({real for path in found if (real := self.resolve(path)) is not None}))

    def links(self) -> Iterator[tuple[str, Found]]:
        """Give the path of each symbolic link that leads somewhere, itself without other links in it, and where to."""
        for below in self._view.walk():
            if below.entry.kind is Kind.SYMBOLIC_LINK and (target := self._view.find(below.path)) is not None:
                yield below.path, target

    def place(self, path: str) -> str:
        """Give the path without links at which a new file or directory `path` would lie.

        Raises:
            UsageError: it would lie below something that is no directory.
        """
        found = self._view.find(path)
        if found is not None and found.is_directory:
            return found.path
        above, name = posixpath.split(path.rstrip("/"))
        parent = self._view.find(above)
        if parent is not None and not parent.is_directory:
            raise UsageError(f"`{path}` cannot be made: `{above}` is no directory in the image")
        return posixpath.join(self.place(above) if parent is None else parent.path, name)

    def digests(self, paths: Iterable[str]) -> dict[str, str]:
        """Hash files (SHA-256, hex) by their real paths, on all cores: hashing leaves the interpreter's lock."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            hashed = pool.map(self._hashed, self._batches(sorted(set(paths))))
            return {path: digest for batch in hashed for path, digest in batch}

    def _batches(self, paths: Iterable[str]) -> Iterator[list[tuple[str, Region | None]]]:
        """Put small files together: handing one to another thread takes longer than hashing it."""
        batch, size = list[tuple[str, Region | None]](), 0
        for path in paths:
            region = self.region(path)
            batch.append((path, region))
            size += 0 if region is None else region.size
            if size >= _BATCH:
                yield batch
                batch, size = [], 0
        yield batch

    @staticmethod
    def _hashed(batch: list[tuple[str, Region | None]]) -> list[tuple[str, str]]:
        return [(path, "" if region is None else region.digest().hex) for path, region in batch]
