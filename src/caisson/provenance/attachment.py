"""Attaching to an image what its publisher stands for, and finding it again."""

from functools import partial
from pathlib import Path

from caisson.conversion import VerifiedImage
from caisson.errors import ImageRejected
from caisson.oci import (
    Artifact,
    ArtifactBlob,
    Descriptor,
    Digest,
    Image,
    ImageManifest,
    MediaType,
    Reader,
    Store,
    attach,
    attached,
)
from caisson.provenance import cosign, statement
from caisson.provenance.attached import Attached
from caisson.provenance.key import ProvenanceKey
from caisson.provenance.sbom import MEDIA_TYPE as SBOM_TYPE
from caisson.provenance.statement import Statement

SIGSTRUCT_TYPE = "application/vnd.caisson.sigstruct.v1"
ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"

_PREDICATE = "in-toto.io/predicate-type"
_MOST_PAYLOAD = 1 << 20


def publish(
    store: Store,
    image: Image,
    verified: VerifiedImage,
    signed: Statement,
    *,
    sbom: bytes,
    key: ProvenanceKey,
    reference: str,
) -> tuple[Descriptor, ...]:
    """Attach SIGSTRUCT, bill of materials and signed statement to an image of the store, and sign it as cosign does.

    What is there already stays: signatures of others, and what other tools attached. The same again changes nothing.

    Raises:
        UsageError: the image is not in the store.
        Unavailable: the place does not answer.
    """
    artifacts = (
        _artifact(SIGSTRUCT_TYPE, SIGSTRUCT_TYPE, verified.sigstruct.encode()),
        _artifact(SBOM_TYPE, SBOM_TYPE, sbom),
        Artifact(
            artifact_type=statement.PAYLOAD_TYPE,
            blobs=(ArtifactBlob(media_type=ENVELOPE_TYPE, content=signed.sign(key)),),
            annotations={_PREDICATE: statement.PREDICATE_TYPE},
        ),
    )
    descriptors = tuple(attach(store, artifact, subject=image.digest) for artifact in artifacts)
    _cosign(store, image.digest, cosign.encode_payload(image.digest, reference=reference), key)
    return descriptors


def read_attached(reader: Reader, image: Digest, *, scratch: Path) -> Attached:
    """Give what is attached to an image; nothing of it was verified.

    Raises:
        ImageRejected: something is not what its descriptor says.
        Malformed: a document is not what it should be.
        Unavailable: the place does not answer.
    """
    found: dict[str, tuple[bytes, ...]] = {
        kind: tuple(
            blob.content
            for artifact in attached(reader, image, artifact_type=kind, scratch=scratch)
            for blob in artifact.blobs
        )
        for kind in (statement.PAYLOAD_TYPE, SBOM_TYPE, SIGSTRUCT_TYPE)
    }
    return Attached(
        envelopes=found[statement.PAYLOAD_TYPE],
        sboms=found[SBOM_TYPE],
        sigstructs=found[SIGSTRUCT_TYPE],
        cosign=tuple(
            (layer, b"".join(reader.blob(layer, scratch).chunks()))
            for layer in _signatures(reader, image)
            if _small(layer)
        ),
    )


def _artifact(artifact_type: str, media_type: str, content: bytes) -> Artifact:
    return Artifact(artifact_type=artifact_type, blobs=(ArtifactBlob(media_type=media_type, content=content),))


def _cosign(store: Store, image: Digest, payload: bytes, key: ProvenanceKey) -> None:
    layer = cosign.sign_payload(payload, key)
    known = _signatures(store, image)
    layers = known if layer in known else (*known, layer)
    config = cosign.signature_config(layers)
    for content in (payload, config):
        descriptor = Descriptor(media_type=MediaType.OCTETS, digest=Digest.of(content), size=len(content))
        store.put_blob(descriptor, partial(iter, (content,)))
    store.put_document(
        cosign.signature_manifest(layers, config).encode(), MediaType.MANIFEST, name=cosign.tag_of(image)
    )


def _signatures(reader: Reader, image: Digest) -> tuple[Descriptor, ...]:
    found = reader.find(cosign.tag_of(image))
    return () if found is None else ImageManifest.parse(found[1]).layers


def _small(layer: Descriptor) -> bool:
    if layer.size > _MOST_PAYLOAD:
        raise ImageRejected(f"cosign's signature has a payload of more than {_MOST_PAYLOAD} bytes")
    return layer.media_type == cosign.MEDIA_TYPE
