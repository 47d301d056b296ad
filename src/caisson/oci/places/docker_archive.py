"""`docker-archive:` - what `docker save` writes and `docker load` reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caisson.errors import ImageRejected, Malformed, UsageError
from caisson.oci import decompression, document
from caisson.oci.config import read_diff_ids
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.image import Image
from caisson.oci.layer import FileLayer, Layer
from caisson.oci.manifest import ImageManifest
from caisson.oci.packed import PackedLayer
from caisson.oci.places.archive import ArchiveFile, open_archive, small_file, write_archive
from caisson.oci.places.files import write_whole
from caisson.oci.reference import familiar
from caisson.oci.region import Region

MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class DockerArchive:
    """One image of an archive, by its name with tag; without a name, the only one."""

    path: Path
    name: str = ""

    def read(self, *, scratch: Path) -> Image:
        """Read the image; see `Source`. Layers that are not compressed are compressed now, always in the same way."""
        files = open_archive(self.path, scratch=scratch)
        chosen = _choose(small_file(files, MANIFEST_NAME), self.name)
        config_bytes = small_file(files, chosen.require("Config", str))
        diff_ids = read_diff_ids(config_bytes)
        names = chosen.texts("Layers") or ()
        if len(diff_ids) != len(names):
            raise ImageRejected(f"image has {len(names)} layers, and {len(diff_ids)} diff IDs")
        layers: dict[Digest, Layer] = {}
        for name, diff_id in zip(names, diff_ids, strict=True):
            if name not in files:
                raise ImageRejected(f"archive lacks the layer `{name[:200]}`")
            if diff_id not in layers:
                layers[diff_id] = _layer(files[name], diff_id, scratch)
        ordered = tuple(layers[diff_id] for diff_id in diff_ids)
        config = Descriptor(media_type=MediaType.CONFIG, digest=Digest.of(config_bytes), size=len(config_bytes))
        manifest = ImageManifest(config=config, layers=tuple(layer.descriptor for layer in ordered))
        return Image.of(manifest.encode(), config_bytes, ordered)

    def write(self, image: Image, *, overwrite: bool = False) -> None:
        """Write a new archive; see `Sink`."""
        write_whole(self.path, docker_archive(image, self.name), overwrite=overwrite)


def docker_archive(image: Image, name: str) -> Iterator[bytes]:
    """Give the bytes of an archive with one image, its layers uncompressed, as every version of Docker reads them."""
    return write_archive(_files(image, name))


def _files(image: Image, name: str) -> Iterator[ArchiveFile]:
    seen = set[Digest]()
    for layer in image.layers:
        if layer.diff_id not in seen:
            seen.add(layer.diff_id)
            archive = layer.archive()
            yield f"{layer.diff_id.hex}.tar", archive.size, archive.chunks()
    config_name = f"{image.image_id.hex}.json"
    yield config_name, len(image.documents.config), [image.documents.config]
    raw = listing(config_name, [f"{layer.diff_id.hex}.tar" for layer in image.layers], name)
    yield MANIFEST_NAME, len(raw), [raw]


def listing(config: str, layers: list[str], name: str) -> bytes:
    """Give the file `manifest.json` of an archive with one image: which files are its parts, and how it is called."""
    image: dict[str, Any] = {"Config": config, "RepoTags": [name] if name else [], "Layers": layers}
    return document.encode([image])


def _choose(raw: bytes, name: str) -> document.Members:
    value = document.decode(raw, what=MANIFEST_NAME)
    if not isinstance(value, list):
        raise Malformed(f"{MANIFEST_NAME} is not a list")
    images = [document.Members.of(item, what=MANIFEST_NAME) for item in value]
    tags = [image.texts("RepoTags") or () for image in images]
    found = [image for image, own in zip(images, tags, strict=True) if not name or familiar(name) in map(familiar, own)]
    if len(found) != 1:
        known = ", ".join(f"`{tag}`" for own in tags for tag in own) or "no names"
        raise UsageError(
            f"there is no image `{name}`" if name else "say which image is meant, by its name",
            hint=f"the archive has {known}",
        )
    return found[0]


def _layer(region: Region, diff_id: Digest, scratch: Path) -> Layer:
    magic = next(region.chunks(4), b"")
    if magic.startswith(decompression.GZIP_MAGIC):
        media_type = MediaType.LAYER_GZIP
    elif magic.startswith(decompression.ZSTD_MAGIC):
        media_type = MediaType.LAYER_ZSTD
    else:
        return PackedLayer.start(region, scratch=scratch, diff_id=diff_id)
    descriptor = Descriptor(media_type=media_type, digest=region.digest(), size=region.size)
    return FileLayer(descriptor=descriptor, diff_id=diff_id, blob=region, scratch=scratch)
