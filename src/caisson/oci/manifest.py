"""Image manifests and indexes (OCI image-spec, manifest.md and image-index.md; Docker's schema 2 is read too)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from caisson.errors import Malformed
from caisson.oci import document
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.document import Members

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageManifest:
    """Which configuration and which layers make an image; layers from the bottom up.

    What is no image but an artifact says of what type it is, and may have a subject that it is attached to.
    """

    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = MediaType.MANIFEST
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a manifest.

        Raises:
            Malformed: not a manifest of an image, or one that could also be read as an index.
        """
        members = document.decode_object(raw, what="image manifest")
        if members.require("schemaVersion", int) != SCHEMA_VERSION or "manifests" in members:
            raise Malformed("image manifest is not of schema version 2, or could also be an index")
        media_type = members.text("mediaType") or MediaType.MANIFEST
        if media_type not in MediaType.MANIFESTS:
            raise Malformed(f"image manifest has the media type {media_type[:100]!r}")
        config = Descriptor.read(Members.of(members.require("config", dict), what="image manifest: config"))
        subject = members.optional("subject", dict)
        return cls(
            config=config,
            layers=tuple(Descriptor.read(item) for item in members.objects("layers")),
            media_type=media_type,
            artifact_type=members.text("artifactType"),
            subject=None if subject is None else Descriptor.read(Members.of(subject, what="image manifest: subject")),
            annotations=members.text_map("annotations"),
        )

    def encode(self) -> bytes:
        """Give the manifest's bytes, always the same for equal manifests."""
        value: dict[str, Any] = {
            "schemaVersion": SCHEMA_VERSION,
            "mediaType": self.media_type,
            "config": self.config.document(),
            "layers": [layer.document() for layer in self.layers],
        }
        if self.artifact_type:
            value["artifactType"] = self.artifact_type
        if self.subject is not None:
            value["subject"] = self.subject.document()
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        return document.encode(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageIndex:
    """A list of manifests: images for several platforms, or the contents of a layout."""

    manifests: tuple[Descriptor, ...]
    media_type: str = MediaType.INDEX
    other: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read an index.

        Raises:
            Malformed: not an index, or one that could also be read as a manifest.
        """
        members = document.decode_object(raw, what="image index")
        if members.require("schemaVersion", int) != SCHEMA_VERSION or "layers" in members or "config" in members:
            raise Malformed("image index is not of schema version 2, or could also be a manifest")
        media_type = members.text("mediaType") or MediaType.INDEX
        if media_type not in MediaType.INDEXES:
            raise Malformed(f"image index has the media type {media_type[:100]!r}")
        return cls(
            manifests=tuple(Descriptor.read(item) for item in members.objects("manifests")),
            media_type=media_type,
            other=members.rest(),
        )

    def encode(self) -> bytes:
        """Give the index's bytes, always the same for equal indexes."""
        return document.encode(
            {
                **self.other,
                "schemaVersion": SCHEMA_VERSION,
                "mediaType": self.media_type,
                "manifests": [manifest.document() for manifest in self.manifests],
            }
        )


def media_type_of(raw: bytes) -> str:
    """Give the media type that a manifest or index has by itself; OCI's, where it does not say.

    Raises:
        Malformed: it is neither.
    """
    members = document.decode_object(raw, what="manifest")
    if "manifests" in members:
        return ImageIndex.parse(raw).media_type
    return ImageManifest.parse(raw).media_type
