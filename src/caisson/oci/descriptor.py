"""What points at a blob: media type, digest, size (OCI image-spec, descriptor.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from caisson.errors import Malformed
from caisson.oci.digest import Digest
from caisson.oci.document import Members


class MediaType:
    """The media types that images are made of."""

    EMPTY = "application/vnd.oci.empty.v1+json"
    OCTETS = "application/octet-stream"
    INDEX = "application/vnd.oci.image.index.v1+json"
    MANIFEST = "application/vnd.oci.image.manifest.v1+json"
    CONFIG = "application/vnd.oci.image.config.v1+json"
    LAYER = "application/vnd.oci.image.layer.v1.tar"
    LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
    LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
    DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
    DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
    DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
    DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
    DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    DOCKER_LAYER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd"
    FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"
    FOREIGN_LAYER_GZIP = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    FOREIGN_LAYER_ZSTD = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
    DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar"
    DOCKER_FOREIGN_LAYER_GZIP = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

    INDEXES = frozenset({INDEX, DOCKER_INDEX})
    MANIFESTS = frozenset({MANIFEST, DOCKER_MANIFEST})
    PLAIN_LAYERS = frozenset({LAYER, DOCKER_LAYER, FOREIGN_LAYER, DOCKER_FOREIGN_LAYER})
    GZIP_LAYERS = frozenset({LAYER_GZIP, DOCKER_LAYER_GZIP, FOREIGN_LAYER_GZIP, DOCKER_FOREIGN_LAYER_GZIP})
    ZSTD_LAYERS = frozenset({LAYER_ZSTD, DOCKER_LAYER_ZSTD, FOREIGN_LAYER_ZSTD})
    FOREIGN_LAYERS = frozenset(
        {FOREIGN_LAYER, FOREIGN_LAYER_GZIP, FOREIGN_LAYER_ZSTD, DOCKER_FOREIGN_LAYER, DOCKER_FOREIGN_LAYER_GZIP}
    )
    """Layers that registries may not hand out; a descriptor's `urls` say where they are (OCI image-spec, layer.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A typed pointer to `size` bytes. `other` holds members that are carried along unread."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    platform: Mapping[str, Any] | None = field(default=None, hash=False)
    artifact_type: str = ""
    other: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, members: Members) -> Self:
        """Read a descriptor out of a document.

        Raises:
            Malformed: a member is missing or of another type, or the size is negative.
        """
        descriptor = cls(
            media_type=members.require("mediaType", str),
            digest=Digest.parse(members.require("digest", str)),
            size=members.require("size", int),
            annotations=members.text_map("annotations"),
            platform=members.optional("platform", dict),
            artifact_type=members.text("artifactType"),
            other=members.rest(),
        )
        if descriptor.size < 0:
            raise Malformed("descriptor has a negative size")
        return descriptor

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is a layer that is kept outside of registries, and says where."""
        return self.media_type in MediaType.FOREIGN_LAYERS and bool(self.other.get("urls"))

    def document(self) -> dict[str, Any]:
        """Give the JSON object."""
        value: dict[str, Any] = {
            **self.other,
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.artifact_type:
            value["artifactType"] = self.artifact_type
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        if self.platform is not None:
            value["platform"] = dict(self.platform)
        return value
