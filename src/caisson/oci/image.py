"""An image: a configuration and layers, as an immutable view."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from caisson.errors import ImageRejected
from caisson.oci.config import ImageConfig, read_diff_ids
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.layer import Layer
from caisson.oci.manifest import ImageManifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Manifest and configuration, exactly as the digests are of them."""

    manifest: bytes
    config: bytes


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image for one platform.

    Its documents are as they were read, or are written when they are first asked for: until then, layers may still be
    in the making (`PackedLayer`).
    """

    config: ImageConfig
    layers: tuple[Layer, ...]
    received: Documents | None = field(default=None, repr=False)

    @classmethod
    def of(cls, manifest_bytes: bytes, config_bytes: bytes, layers: tuple[Layer, ...]) -> Self:
        """Put together what a place holds.

        Raises:
            ImageRejected: the configuration or the layers are not those that the manifest names.
            Malformed: a document is not what it should be.
        """
        manifest = ImageManifest.parse(manifest_bytes)
        if (manifest.config.digest, manifest.config.size) != (Digest.of(config_bytes), len(config_bytes)):
            raise ImageRejected("configuration is not the one that the manifest names")
        if manifest.layers != tuple(layer.descriptor for layer in layers):
            raise ImageRejected("layers are not those that the manifest names")
        if read_diff_ids(config_bytes) != tuple(layer.diff_id for layer in layers):
            raise ImageRejected("layers are not those that the configuration names")
        received = Documents(manifest=manifest_bytes, config=config_bytes)
        return cls(config=ImageConfig.parse(config_bytes), layers=layers, received=received)

    @classmethod
    def build(cls, config: ImageConfig, layers: tuple[Layer, ...]) -> Self:
        """Make an image of layers and a configuration; its documents will be OCI's."""
        return cls(config=config, layers=tuple(layer.as_oci() for layer in layers))

    @cached_property
    def documents(self) -> Documents:
        """The image's documents. This waits for layers that are still in the making.

        Raises:
            ImageRejected: such a layer turns out not to be what it claims to be.
        """
        if self.received is not None:
            return self.received
        config = self.config.encode(tuple(layer.diff_id for layer in self.layers))
        descriptor = Descriptor(media_type=MediaType.CONFIG, digest=Digest.of(config), size=len(config))
        manifest = ImageManifest(config=descriptor, layers=tuple(layer.descriptor for layer in self.layers))
        return Documents(manifest=manifest.encode(), config=config)

    @cached_property
    def manifest(self) -> ImageManifest:
        """What the manifest says."""
        return ImageManifest.parse(self.documents.manifest)

    @property
    def digest(self) -> Digest:
        """The digest of the manifest: the image's name."""
        return Digest.of(self.documents.manifest)

    @property
    def image_id(self) -> Digest:
        """The digest of the configuration: Docker's image ID, the same however the layers are compressed."""
        return Digest.of(self.documents.config)
