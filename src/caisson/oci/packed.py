"""A layer that is being compressed while others already read its archive."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Self

from caisson.oci import stream
from caisson.oci.descriptor import Descriptor
from caisson.oci.digest import Digest
from caisson.oci.layer import FileLayer
from caisson.oci.outline import Outline
from caisson.oci.region import Region
from caisson.oci.stamp import Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedLayer:
    """A gzip layer in the making. Whoever asks for its descriptor or its blob waits until it is made.

    `expected` is the diff ID that others gave it, if they did: then its archive is not read before that was checked.
    """

    plain: Region
    done: Future[FileLayer]
    expected: Digest | None = None

    @classmethod
    def start(cls, archive: Region, *, scratch: Path, diff_id: Digest | None = None) -> Self:
        """Begin to compress an archive; if it has another `diff_id`, using the layer raises `ImageRejected`."""
        done: Future[FileLayer] = Future()
        blob = stream.reserve(scratch)

        def make() -> None:
            try:
                done.set_result(FileLayer.compress(archive, scratch=scratch, diff_id=diff_id, blob=blob))
            except BaseException as error:  # noqa: BLE001 - it is raised again where the layer is used
                done.set_exception(error)

        Thread(target=make, name="caisson-pack", daemon=True).start()
        return cls(plain=archive, done=done, expected=diff_id)

    @classmethod
    def pack(cls, chunks: Iterable[bytes], *, scratch: Path) -> Self:
        """Begin to compress the stream of an archive, once it is written down."""
        return cls.start(stream.store(chunks, scratch), scratch=scratch)

    @property
    def descriptor(self) -> Descriptor:
        """What the image's manifest says of it."""
        return self.done.result().descriptor

    @property
    def diff_id(self) -> Digest:
        """The digest of the uncompressed archive."""
        return self.done.result().diff_id

    def as_oci(self) -> Self:
        """Give this layer: it has OCI's media type from the start."""
        return self

    def chunks(self) -> Iterator[bytes]:
        """Read the blob; see `Layer`."""
        return self.done.result().chunks()

    def stored(self) -> Iterator[bytes]:
        """Read the blob as it lies there; see `Layer`."""
        return self.done.result().stored()

    def checked(self) -> Checked | None:
        """Give where the blob lies, if that is certain; see `Layer`."""
        return self.done.result().checked()

    def outline(self) -> Outline:
        """Give the archive, which lies there as a whole; see `Layer`."""
        return Outline(archive=self.archive())

    def archive(self) -> Region:
        """Give the uncompressed archive; see `Layer`."""
        return self.plain if self.expected is None else self.done.result().archive()
