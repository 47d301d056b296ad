"""An image: a manifest, a configuration and layers, as an immutable view."""

from dataclasses import dataclass, field, replace
from typing import Self

from caisson.errors import ImageRejected
from caisson.oci.config import ImageConfig
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.layer import Layer
from caisson.oci.manifest import ImageManifest

_OCI_TYPES = {MediaType.DOCKER_LAYER: MediaType.LAYER, MediaType.DOCKER_LAYER_GZIP: MediaType.LAYER_GZIP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image for one platform. `manifest_bytes` and `config_bytes` are exactly what the digests are of."""

    manifest_bytes: bytes = field(repr=False)
    config_bytes: bytes = field(repr=False)
    manifest: ImageManifest
    config: ImageConfig
    layers: tuple[Layer, ...]

    @classmethod
    def of(cls, manifest_bytes: bytes, config_bytes: bytes, layers: tuple[Layer, ...]) -> Self:
        """Put together what a place holds.

        Raises:
            ImageRejected: the configuration or the layers are not those that the manifest names.
            Malformed: a document is not what it should be.
        """
        manifest = ImageManifest.parse(manifest_bytes)
        config = ImageConfig.parse(config_bytes)
        if (manifest.config.digest, manifest.config.size) != (Digest.of(config_bytes), len(config_bytes)):
            raise ImageRejected("configuration is not the one that the manifest names")
        if manifest.layers != tuple(layer.descriptor for layer in layers):
            raise ImageRejected("layers are not those that the manifest names")
        if config.diff_ids != tuple(layer.diff_id for layer in layers):
            raise ImageRejected("layers are not those that the configuration names")
        return cls(
            manifest_bytes=manifest_bytes, config_bytes=config_bytes, manifest=manifest, config=config, layers=layers
        )

    @classmethod
    def build(cls, config: ImageConfig, layers: tuple[Layer, ...]) -> Self:
        """Make an image, in OCI's media types, from layers and a configuration, whose diff IDs are the layers'."""
        layers = tuple(layer.typed(_OCI_TYPES.get(kind := layer.descriptor.media_type, kind)) for layer in layers)
        raw = replace(config, diff_ids=tuple(layer.diff_id for layer in layers)).encode()
        descriptor = Descriptor(media_type=MediaType.CONFIG, digest=Digest.of(raw), size=len(raw))
        manifest = ImageManifest(config=descriptor, layers=tuple(layer.descriptor for layer in layers))
        return cls.of(manifest.encode(), raw, layers)

    @property
    def digest(self) -> Digest:
        """The digest of the manifest: the image's name."""
        return Digest.of(self.manifest_bytes)

    @property
    def image_id(self) -> Digest:
        """The digest of the configuration: Docker's image ID, the same however the layers are compressed."""
        return self.manifest.config.digest
