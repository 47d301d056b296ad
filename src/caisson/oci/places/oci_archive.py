"""`oci-archive:` - an OCI layout in a tar file, which Docker loads, too."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from caisson.errors import ImageRejected
from caisson.oci import stream
from caisson.oci.digest import Digest
from caisson.oci.image import Image
from caisson.oci.manifest import ImageIndex, ImageManifest
from caisson.oci.places import contents
from caisson.oci.places.archive import ArchiveFile, open_archive, small_file, write_archive
from caisson.oci.places.docker_archive import MANIFEST_NAME, listing
from caisson.oci.places.files import refuse_existing, write_whole
from caisson.oci.places.held import Held
from caisson.oci.region import Region


@dataclass(frozen=True, slots=True)
class OciArchive:
    """One image of an archive, by its tag; without a tag, the only one."""

    path: Path
    tag: str = ""

    def read(self, *, scratch: Path) -> Image:
        """Read the image; see `Source`."""
        held = self.held(scratch=scratch)
        return contents.read_tagged(held.index, self.tag, held.region, scratch=scratch)

    def held(self, *, scratch: Path) -> Held:
        """Give all that the archive holds.

        Raises:
            UsageError: there is no such file.
            ImageRejected: it is no archive of a layout.
        """
        files = open_archive(self.path, scratch=scratch)

        def blob(digest: Digest) -> Region:
            if (region := files.get(f"{contents.BLOBS}/{digest.hex}")) is None:
                raise ImageRejected(f"archive lacks the blob {digest}")
            return region

        contents.check_marker(small_file(files, contents.MARKER_NAME))
        return Held(index=ImageIndex.parse(small_file(files, contents.INDEX_NAME)), region=blob)

    def write(self, image: Image, *, overwrite: bool = False) -> None:
        """Write a new archive; see `Sink`."""
        if not overwrite:
            refuse_existing(self.path)
        write_whole(self.path, write_archive(_files(image, self.tag)), overwrite=overwrite)


def _files(image: Image, tag: str) -> Iterator[ArchiveFile]:
    index = contents.add_tagged(ImageIndex(manifests=()), image, tag, overwrite=False).encode()
    marker = contents.marker()
    for descriptor, reopen in contents.blobs(image):
        checked = stream.verified(reopen(), digest=descriptor.digest, size=descriptor.size, what="blob")
        yield f"{contents.BLOBS}/{descriptor.digest.hex}", descriptor.size, checked
    yield contents.INDEX_NAME, len(index), [index]
    yield contents.MARKER_NAME, len(marker), [marker]
    yield for_docker(image.manifest, tag)


def for_docker(manifest: ImageManifest, tag: str) -> ArchiveFile:
    """Give the file by which `docker load` finds an image's parts, as newer versions of `docker save` add it.

    Docker gets the tag only if it is a whole name.
    """
    parts = [f"{contents.BLOBS}/{each.digest.hex}" for each in (manifest.config, *manifest.layers)]
    raw = listing(parts[0], parts[1:], tag if ":" in tag else "")
    return MANIFEST_NAME, len(raw), [raw]
