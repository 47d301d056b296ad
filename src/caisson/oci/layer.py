"""One layer of an image: a tar archive of changes, mostly compressed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self

from caisson.errors import ImageRejected
from caisson.oci import compression, decompression, stream
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.limits import DEFAULT, Allowance, Limits
from caisson.oci.outline import Outline, outline
from caisson.oci.region import Region
from caisson.oci.stamp import Checked, Stamp

_OCI_TYPES = {
    MediaType.DOCKER_LAYER: MediaType.LAYER,
    MediaType.DOCKER_LAYER_GZIP: MediaType.LAYER_GZIP,
    MediaType.DOCKER_LAYER_ZSTD: MediaType.LAYER_ZSTD,
    MediaType.DOCKER_FOREIGN_LAYER: MediaType.FOREIGN_LAYER,
    MediaType.DOCKER_FOREIGN_LAYER_GZIP: MediaType.FOREIGN_LAYER_GZIP,
}


class Layer(Protocol):
    """What every layer offers, wherever it lives. Layers do not change."""

    @property
    def descriptor(self) -> Descriptor:
        """What the image's manifest says of it."""

    @property
    def diff_id(self) -> Digest:
        """The digest of the uncompressed archive."""

    def as_oci(self) -> "Layer":
        """Give the same layer under OCI's media type, if it has Docker's."""

    def chunks(self) -> Iterator[bytes]:
        """Read the blob, refusing at the end what is not as the descriptor says.

        Raises:
            ImageRejected: another digest or size.
        """

    def stored(self) -> Iterator[bytes]:
        """Read the blob as it lies there; whoever takes it compares it with the descriptor."""

    def checked(self) -> Checked | None:
        """Give where the blob lies, if it was compared with the descriptor and its file has not changed since."""

    def outline(self) -> Outline:
        """Give all of the archive but the inside of large files; its digest was compared with `diff_id`.

        Raises:
            ImageRejected: another digest, or not what the media type says.
        """

    def archive(self) -> Region:
        """Give the uncompressed archive, whose digest was compared with `diff_id`.

        Raises:
            ImageRejected: another digest, or not what the media type says.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLayer:
    """A layer whose blob lies in a file; `scratch` is a directory for its unpacked form.

    `origin` is `HOST/REPOSITORY` of the registry that has the blob, if it came from one. `allowance` is for what the
    layers of its image unpack to together.
    """

    descriptor: Descriptor
    diff_id: Digest
    blob: Region
    scratch: Path
    limits: Limits = DEFAULT
    origin: str = ""
    allowance: Allowance | None = field(default=None, repr=False, compare=False)
    _unpacked: dict[Digest, Region] = field(default_factory=dict, repr=False, compare=False)
    _outlines: dict[Digest, Outline] = field(default_factory=dict, repr=False, compare=False)
    _checked: dict[tuple[Digest, Region], Checked] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def compress(
        cls, archive: Region, *, scratch: Path, diff_id: Digest | None = None, blob: Path | None = None
    ) -> Self:
        """Make a gzip layer from an archive, reading it once; its blob becomes the file `blob`, or a new one.

        Raises:
            ImageRejected: `diff_id` was given, and the archive has another digest.
        """
        plain, packed = stream.Hashing(), stream.Hashing()
        chunks = compression.compress(plain.through(archive.chunks()))
        stored = stream.store(packed.through(chunks), scratch, path=blob)
        if diff_id is not None and plain.digest != diff_id:
            raise ImageRejected(f"layer has the diff ID {plain.digest}, not {diff_id}")
        layer = cls(
            descriptor=Descriptor(media_type=MediaType.LAYER_GZIP, digest=packed.digest, size=packed.size),
            diff_id=plain.digest,
            blob=stored,
            scratch=scratch,
        )
        layer._unpacked[layer.diff_id] = archive
        layer._remember(Stamp.of(stored.path))
        return layer

    @classmethod
    def pack(cls, chunks: Iterable[bytes], *, scratch: Path) -> Self:
        """Make a gzip layer from the stream of an archive."""
        return cls.compress(stream.store(chunks, scratch), scratch=scratch)

    def as_oci(self) -> Self:
        """Give the same layer under OCI's media type; see `Layer`."""
        kind = self.descriptor.media_type
        return replace(self, descriptor=replace(self.descriptor, media_type=_OCI_TYPES.get(kind, kind)))

    def chunks(self) -> Iterator[bytes]:
        """Read the blob; see `Layer`."""
        before = Stamp.of(self.blob.path)
        yield from stream.verified(
            self.stored(), digest=self.descriptor.digest, size=self.descriptor.size, what="layer"
        )
        self._remember(before)

    def stored(self) -> Iterator[bytes]:
        """Read the blob as it lies there; see `Layer`."""
        return self.blob.chunks()

    def checked(self) -> Checked | None:
        """Give where the blob lies, if that is certain; see `Layer`."""
        known = self._checked.get((self.descriptor.digest, self.blob))
        return known if known is not None and known.holds else None

    def outline(self) -> Outline:
        """Give the archive without the inside of large files; see `Layer`. It is unpacked once."""
        if self.diff_id in self._unpacked or self.descriptor.media_type in MediaType.PLAIN_LAYERS:
            return Outline(archive=self.archive())
        if self.diff_id not in self._outlines:
            self._outlines[self.diff_id] = outline(self._allowed(), self.scratch)
        return self._outlines[self.diff_id]

    def archive(self) -> Region:
        """Give the uncompressed archive; see `Layer`. It is unpacked once."""
        if self.diff_id not in self._unpacked:
            self._unpacked[self.diff_id] = self._unpack()
        return self._unpacked[self.diff_id]

    def _remember(self, stamp: Stamp | None) -> None:
        if stamp is not None:
            self._checked[self.descriptor.digest, self.blob] = Checked(region=self.blob, stamp=stamp)

    def _unpack(self) -> Region:
        if self.descriptor.media_type not in MediaType.PLAIN_LAYERS:
            return stream.store(self._plain(), self.scratch)
        if self.descriptor.digest != self.diff_id:
            raise ImageRejected(f"unpacked layer has the digest {self.descriptor.digest}, not {self.diff_id}")
        for _ in self.chunks():
            pass
        return self.blob

    def _allowed(self) -> Iterator[bytes]:
        for chunk in self._plain():
            if self.allowance is not None:
                self.allowance.spend(len(chunk))
            yield chunk

    def _plain(self) -> Iterator[bytes]:
        """Compare what the blob unpacks to with the diff ID, while another thread unpacks and a third reads."""
        plain = stream.ahead(unpack(self, limits=self.limits))
        return stream.verified(plain, digest=self.diff_id, what="unpacked layer")


def unpack(layer: Layer, *, limits: Limits = DEFAULT) -> Iterator[bytes]:
    """Give the archive that a layer's blob holds, as its media type says; it is not compared with the diff ID.

    A blob that has to be unpacked is read, and compared with its digest, in a thread of its own.

    Raises:
        ImageRejected: a type that no layer has, a broken blob, or a decompression bomb.
    """
    kind = layer.descriptor.media_type
    if kind in MediaType.PLAIN_LAYERS:
        return layer.chunks()
    if kind in MediaType.GZIP_LAYERS:
        return decompression.decompress(stream.ahead(layer.chunks()), limits=limits)
    if kind in MediaType.ZSTD_LAYERS:
        return decompression.decompress_zstd(stream.ahead(layer.chunks()), limits=limits)
    raise ImageRejected(f"layer has the media type `{kind[:100]}`", hint="recompress it with gzip or zstd")
