"""A directory in OCI's image layout, as a store (OCI image-spec, image-layout.md)."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from caisson.errors import ImageRejected, UsageError
from caisson.oci import document, stream
from caisson.oci.descriptor import Descriptor
from caisson.oci.digest import Digest
from caisson.oci.layer import Layer
from caisson.oci.manifest import ImageIndex
from caisson.oci.places import contents
from caisson.oci.places.archive import ArchiveFile
from caisson.oci.places.files import make_directory, share, write_whole
from caisson.oci.places.held import Held
from caisson.oci.referrer import Referrer
from caisson.oci.region import Region
from caisson.oci.stamp import Stamp
from caisson.oci.store import Reopen


@dataclass(frozen=True, slots=True)
class LayoutStore:
    """All that a layout holds; see `Store`. Its index lists what has a name, what was put untagged, and referrers.

    Names are what other tools call tags; that of an untagged image is empty. Writers take turns.
    """

    directory: Path

    @contextmanager
    def made(self) -> Iterator[None]:
        """Make an empty layout, if there is none; if the block fails, it is gone again, unless others have filled it.

        Raises:
            UsageError: something else is there, or it cannot be made.
        """
        if (self.directory / contents.MARKER_NAME).is_file():
            yield
            return
        if self.directory.exists() and not (self.directory.is_dir() and not any(self.directory.iterdir())):
            raise UsageError(f"`{self.directory}` is there, and no OCI layout", hint="name another directory")
        missing = [each for each in (self.directory, *self.directory.parents) if not each.exists()]
        try:
            make_directory(self.directory / contents.BLOBS)
            self.write_index(ImageIndex(manifests=()))
            write_whole(self.directory / contents.MARKER_NAME, [contents.marker()], overwrite=True)
            yield
        except BaseException:
            with suppress(OSError):
                self._remove(missing)
            raise

    def index(self) -> ImageIndex:
        """Give the list of images.

        Raises:
            UsageError: there is no layout.
            ImageRejected: it is of an unknown version, or incomplete.
        """
        if not self.directory.exists():
            raise UsageError(f"there is no directory `{self.directory}`", hint="check the path")
        if not (self.directory / contents.MARKER_NAME).is_file():
            raise UsageError(f"`{self.directory}` is no OCI layout", hint="it must hold a file `oci-layout`")
        contents.check_marker(self._document(contents.MARKER_NAME))
        return ImageIndex.parse(self._document(contents.INDEX_NAME))

    def region(self, digest: Digest) -> Region:
        """Give where a blob lies; it is not compared with its digest.

        Raises:
            ImageRejected: there is none.
        """
        path = self._path(digest)
        if not path.is_file():
            raise ImageRejected(f"OCI layout lacks the blob {digest}")
        return Region.of(path)

    def find(self, reference: str) -> tuple[Descriptor, bytes] | None:
        """Give a document by its digest or name; see `Store`."""
        return self._held().find(reference)

    def blob(self, descriptor: Descriptor, scratch: Path) -> Region:
        """Give a blob; see `Store`."""
        return self._held().blob(descriptor, scratch)

    def put_blob(self, descriptor: Descriptor, reopen: Reopen, *, mount_from: str | None = None) -> None:  # noqa: ARG002
        """Store a blob; see `Store`."""
        path = self._path(descriptor.digest)
        if not _is_whole(path, descriptor):
            checked = stream.verified(reopen(), digest=descriptor.digest, size=descriptor.size, what="blob")
            write_whole(path, checked, overwrite=True)

    def put_layer(self, layer: Layer) -> None:
        """Store a layer's blob, if it is not there. One that was compared before is not read again.

        Raises:
            ImageRejected: it is not what its descriptor says.
        """
        path = self._path(layer.descriptor.digest)
        if _is_whole(path, layer.descriptor):
            return
        if (known := layer.checked()) is not None and share(known.region, path):
            # A second name for the file changes its inode's time, and only that.
            after = Stamp.of(known.region.path)
            if after is not None and replace(after, changed=known.stamp.changed) == known.stamp:
                return
            path.unlink()
        self.put_blob(layer.descriptor, layer.stored)

    def put_document(self, raw: bytes, media_type: str, *, name: str | None = None) -> None:
        """Store a manifest or index; see `Store`."""
        descriptor = Descriptor(media_type=media_type, digest=Digest.of(raw), size=len(raw))
        self.put_blob(descriptor, lambda: iter((raw,)))
        referrer = Referrer.of(raw, media_type)
        if referrer is None and name is None:
            return
        with self.locked():
            index = self.index()
            if referrer is not None:
                index = referrer.listed(index)
            if name is not None:
                index = contents.add_named(index, descriptor, name)
            self.write_index(index)

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """Give what refers to a document; see `Store`."""
        return self._held().referrers(subject)

    def files(self) -> Iterator[ArchiveFile]:
        """Give all files by name, in one order, with their sizes and bytes."""
        paths = [f"{contents.BLOBS}/{path.name}" for path in sorted((self.directory / contents.BLOBS).iterdir())]
        for name in (*paths, contents.INDEX_NAME, contents.MARKER_NAME):
            region = Region.of(self.directory / name)
            yield name, region.size, region.chunks()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one writer at a time change the index."""
        handle = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def write_index(self, index: ImageIndex) -> None:
        """Replace the list of images, at once."""
        write_whole(self.directory / contents.INDEX_NAME, [index.encode()], overwrite=True)

    def _remove(self, directories: list[Path]) -> None:
        """Remove a layout that lists nothing, and the directories that were made for it, the innermost first."""
        with self.locked():
            index = self.directory / contents.INDEX_NAME
            if index.exists() and ImageIndex.parse(index.read_bytes()).manifests:
                return
            shutil.rmtree(self.directory / Path(contents.BLOBS).parts[0], ignore_errors=True)
            for name in (contents.MARKER_NAME, contents.INDEX_NAME):
                (self.directory / name).unlink(missing_ok=True)
        for each in directories:
            each.rmdir()

    def _held(self) -> Held:
        return Held(index=self.index(), region=self.region)

    def _path(self, digest: Digest) -> Path:
        return self.directory / contents.BLOBS / digest.hex

    def _document(self, name: str) -> bytes:
        path = self.directory / name
        if not path.is_file() or path.stat().st_size > document.MAX_SIZE:
            raise ImageRejected(f"OCI layout lacks `{name}`, or it is larger than {document.MAX_SIZE} bytes")
        return path.read_bytes()


def _is_whole(path: Path, descriptor: Descriptor) -> bool:
    return path.exists() and path.stat().st_size == descriptor.size
