"""An image's file system as the conversion reads it: real paths, hashes, and where a new file would lie."""

import io
import os
import posixpath
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from caisson.errors import UsageError
from caisson.oci import FileSystem, Image, Region


class Content:
    """The files of an image; implements `closure.Files`."""

    def __init__(self, image: Image) -> None:
        self._view = FileSystem.of(image)

    def resolve(self, path: str) -> str | None:
        """Give the real path of the regular file that `path` leads to, or nothing."""
        found = self._view.find(path)
        return None if found is None or found.content is None else found.path

    def is_directory(self, path: str) -> bool:
        """Tell whether `path` leads to a directory."""
        found = self._view.find(path)
        return found is not None and found.is_directory

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

    def open(self, path: str) -> BinaryIO:
        """Open a regular file by its real path."""
        return io.BytesIO(self.read(path) or b"")

    def list_directory(self, path: str) -> tuple[str, ...]:
        """Give the sorted names in a directory, none if there is no such directory."""
        top = self._view.find(path)
        if top is None or not top.is_directory:
            return ()
        prefix = top.path.rstrip("/") + "/"
        return tuple(
            sorted({found.path.removeprefix(prefix).partition("/")[0] for found in self._view.walk(top.path)} - {""})
        )

    def files_below(self, path: str) -> tuple[str, ...]:
        """Give the real paths of a regular file, or of all regular files below a directory.

        Raises:
            UsageError: there is nothing at `path`.
        """
        found = self._view.find(path)
        if found is None:
            raise UsageError(f"the recipe trusts `{path}`, which the image does not have")
        if found.content is not None:
            return (found.path,)
        return tuple(below.path for below in self._view.walk(found.path) if below.content is not None)

    def place(self, path: str) -> str:
        """Give the path without links at which a new file or directory `path` would lie."""
        above, name = posixpath.split(path.rstrip("/"))
        found = self._view.find(path, follow=False)
        if found is not None and found.is_directory:
            return found.path
        return posixpath.join(self.place(above) if above not in ("", "/") else "/", name)

    def digests(self, paths: Iterable[str]) -> dict[str, str]:
        """Hash files (SHA-256, hex) by their real paths, on all cores: hashing leaves the interpreter's lock."""
        ordered = sorted(set(paths))
        regions = [self.region(path) for path in ordered]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(lambda region: "" if region is None else region.digest().hex, regions)
            return dict(zip(ordered, found, strict=True))
