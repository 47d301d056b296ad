"""`oci:` - a directory in OCI's image layout (OCI image-spec, image-layout.md)."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from caisson.errors import ImageRejected, UsageError
from caisson.oci import document
from caisson.oci.digest import Digest
from caisson.oci.image import Image
from caisson.oci.manifest import ImageIndex
from caisson.oci.places import contents
from caisson.oci.places.files import write_whole
from caisson.oci.region import Region


@dataclass(frozen=True, slots=True)
class Layout:
    """One image of a layout, by its tag; without a tag, the only one."""

    directory: Path
    tag: str = ""

    def read(self, *, scratch: Path) -> Image:
        """Read the image; see `Source`. Layers stay where they are and are checked when they are read."""
        if not (self.directory / contents.MARKER_NAME).is_file():
            raise UsageError(f"`{self.directory}` is no OCI layout", hint="it must hold a file `oci-layout`")
        return contents.read_tagged(
            self._document(contents.MARKER_NAME),
            self._document(contents.INDEX_NAME),
            self.tag,
            self._blob,
            scratch=scratch,
        )

    def write(self, image: Image, *, overwrite: bool = False) -> None:
        """Add the image; see `Sink`. Other images of the layout stay."""
        if self.directory.exists() and not self._can_hold_images():
            raise UsageError(f"`{self.directory}` is there, and no OCI layout", hint="name another directory")
        (self.directory / contents.BLOBS).mkdir(parents=True, exist_ok=True)
        with _locked(self.directory):
            index = ImageIndex(manifests=())
            if (self.directory / contents.INDEX_NAME).exists():
                index = ImageIndex.parse(self._document(contents.INDEX_NAME))
            index = contents.add_tagged(index, image, self.tag, overwrite=overwrite)
            for digest, size, chunks in contents.blobs(image):
                path = self._path(digest)
                if not path.exists() or path.stat().st_size != size:
                    write_whole(path, chunks, overwrite=True)
            write_whole(self.directory / contents.MARKER_NAME, [contents.marker()], overwrite=True)
            write_whole(self.directory / contents.INDEX_NAME, [index.encode()], overwrite=True)

    def _can_hold_images(self) -> bool:
        return (self.directory / contents.MARKER_NAME).is_file() or (
            self.directory.is_dir() and not any(self.directory.iterdir())
        )

    def _path(self, digest: Digest) -> Path:
        return self.directory / contents.BLOBS / digest.hex

    def _blob(self, digest: Digest) -> Region:
        path = self._path(digest)
        if not path.is_file():
            raise ImageRejected(f"OCI layout lacks the blob {digest}")
        return Region.of(path)

    def _document(self, name: str) -> bytes:
        path = self.directory / name
        if not path.is_file() or path.stat().st_size > document.MAX_SIZE:
            raise ImageRejected(f"OCI layout lacks `{name}`, or it is larger than {document.MAX_SIZE} bytes")
        return path.read_bytes()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Let one writer at a time change the index."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
