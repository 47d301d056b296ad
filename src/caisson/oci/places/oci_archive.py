"""`oci-archive:` - an OCI layout in a tar file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from caisson.errors import ImageRejected
from caisson.oci.digest import Digest
from caisson.oci.image import Image
from caisson.oci.manifest import ImageIndex
from caisson.oci.places import contents
from caisson.oci.places.archive import open_archive, small_file, write_archive
from caisson.oci.places.files import refuse_existing, write_whole
from caisson.oci.region import Region


@dataclass(frozen=True, slots=True)
class OciArchive:
    """One image of an archive, by its tag; without a tag, the only one."""

    path: Path
    tag: str = ""

    def read(self, *, scratch: Path) -> Image:
        """Read the image; see `Source`."""
        files = open_archive(self.path, scratch=scratch)

        def blob(digest: Digest) -> Region:
            if (region := files.get(f"{contents.BLOBS}/{digest.hex}")) is None:
                raise ImageRejected(f"archive lacks the blob {digest}")
            return region

        return contents.read_tagged(
            small_file(files, contents.MARKER_NAME),
            small_file(files, contents.INDEX_NAME),
            self.tag,
            blob,
            scratch=scratch,
        )

    def write(self, image: Image, *, overwrite: bool = False) -> None:
        """Write a new archive; see `Sink`."""
        if not overwrite:
            refuse_existing(self.path)
        write_whole(self.path, write_archive(_files(image, self.tag)), overwrite=overwrite)


def _files(image: Image, tag: str) -> Iterator[tuple[str, int, Iterable[bytes]]]:
    index = contents.add_tagged(ImageIndex(manifests=()), image, tag, overwrite=False).encode()
    marker = contents.marker()
    for digest, size, chunks in contents.blobs(image):
        yield f"{contents.BLOBS}/{digest.hex}", size, chunks
    yield contents.INDEX_NAME, len(index), [index]
    yield contents.MARKER_NAME, len(marker), [marker]
