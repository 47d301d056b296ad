"""What is attached to an image: signatures, bills of materials, statements (OCI image-spec 1.1, manifest.md)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from caisson.errors import ImageRejected, UsageError
from caisson.oci import stream
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.manifest import ImageManifest
from caisson.oci.store import Reader, Store

MAX_BLOB, MAX_ATTACHED = 256 << 20, 512 << 20
"""Artifacts are held in memory; nothing that is attached to an image needs to be larger, nor all of it together."""

_EMPTY = b"{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactBlob:
    """One file of an artifact."""

    media_type: str
    content: bytes = field(repr=False)
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def descriptor(self) -> Descriptor:
        """What points at it."""
        return Descriptor(
            media_type=self.media_type,
            digest=Digest.of(self.content),
            size=len(self.content),
            annotations=self.annotations,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Files of some type; nothing says when they were made, so the same files are the same artifact."""

    artifact_type: str
    blobs: tuple[ArtifactBlob, ...]
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    def manifest(self, subject: Descriptor | None) -> ImageManifest:
        """Give its manifest, whose configuration is empty; without a subject, it is attached to nothing."""
        empty = Descriptor(media_type=MediaType.EMPTY, digest=Digest.of(_EMPTY), size=len(_EMPTY))
        return ImageManifest(
            config=empty,
            layers=tuple(blob.descriptor for blob in self.blobs) or (empty,),
            artifact_type=self.artifact_type,
            subject=subject,
            annotations=self.annotations,
        )

    @classmethod
    def read(cls, store: Reader, manifest: ImageManifest, *, scratch: Path) -> Self:
        """Read the files that a manifest names.

        Raises:
            ImageRejected: a file is missing, too large, or not what its descriptor says.
        """
        return cls(
            artifact_type=manifest.artifact_type or manifest.config.media_type,
            blobs=tuple(
                _read_blob(store, each, scratch) for each in manifest.layers if each.media_type != MediaType.EMPTY
            ),
            annotations=manifest.annotations,
        )


def attach(store: Store, artifact: Artifact, *, subject: Digest) -> Descriptor:
    """Attach an artifact to a manifest or index that is in the store, and give the artifact's own descriptor.

    Raises:
        UsageError: there is nothing of that digest.
        Unavailable: the place does not answer.
    """
    found = store.find(str(subject))
    if found is None:
        raise UsageError(f"there is no image {subject} that anything could be attached to")
    raw = artifact.manifest(found[0]).encode()
    blobs = {Digest.of(content): content for content in (_EMPTY, *(blob.content for blob in artifact.blobs))}
    for digest, content in blobs.items():
        descriptor = Descriptor(media_type=MediaType.OCTETS, digest=digest, size=len(content))
        store.put_blob(descriptor, partial(_once, content))
    store.put_document(raw, MediaType.MANIFEST)
    return Descriptor(media_type=MediaType.MANIFEST, digest=Digest.of(raw), size=len(raw))


def attached(
    store: Reader, subject: Digest, *, artifact_type: str | None = None, scratch: Path
) -> tuple[Artifact, ...]:
    """Give what is attached to a document, of one type or of every, sorted by digest.

    Who may write to the store may attach whatever they like: only signatures tell what an artifact is worth. What is
    listed but has another subject is left out.

    Raises:
        ImageRejected: an artifact is not what its descriptor says, or they are too large together.
        Malformed: a document is not what it should be.
        Unavailable: the place does not answer.
    """
    artifacts, size = [], 0
    for descriptor in sorted(store.referrers(subject), key=lambda each: each.digest):
        if descriptor.media_type not in MediaType.MANIFESTS or artifact_type not in {None, descriptor.artifact_type}:
            continue
        found = store.find(str(descriptor.digest))
        if found is None:
            raise ImageRejected(f"{descriptor.digest} is listed as attached to {subject}, and is not there")
        manifest = ImageManifest.parse(found[1])
        if manifest.subject is None or manifest.subject.digest != subject:
            continue
        size += sum(layer.size for layer in manifest.layers)
        if size > MAX_ATTACHED:
            raise ImageRejected(f"what is attached to {subject} has more than {MAX_ATTACHED} bytes")
        artifact = Artifact.read(store, manifest, scratch=scratch)
        if artifact_type in {None, artifact.artifact_type}:
            artifacts.append(artifact)
    return tuple(artifacts)


def _once(content: bytes) -> Iterator[bytes]:
    yield content


def _read_blob(store: Reader, descriptor: Descriptor, scratch: Path) -> ArtifactBlob:
    if descriptor.size > MAX_BLOB:
        raise ImageRejected(f"artifact has a file of more than {MAX_BLOB} bytes")
    region = store.blob(descriptor, scratch)
    checked = stream.verified(region.chunks(), digest=descriptor.digest, size=descriptor.size, what="artifact")
    return ArtifactBlob(media_type=descriptor.media_type, content=b"".join(checked), annotations=descriptor.annotations)
