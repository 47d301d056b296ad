"""Documents with a subject, and how lists of them describe them (OCI distribution-spec 1.1, "Listing Referrers")."""

from dataclasses import dataclass, replace
from typing import Self

from caisson.oci import document
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.manifest import ImageIndex

COMPANIONS = ("att", "sbom", "sig")


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrer:
    """A manifest or index that refers to a `subject`; the descriptor has its type and annotations."""

    subject: Digest
    descriptor: Descriptor

    @classmethod
    def of(cls, raw: bytes, media_type: str) -> Self | None:
        """Read a document; None if it has no subject.

        Raises:
            Malformed: it is not what its type says.
        """
        members = document.decode_object(raw, what="manifest")
        subject = members.optional("subject", dict)
        if subject is None:
            return None
        kind = members.text("artifactType")
        if not kind and media_type in MediaType.MANIFESTS:
            config = document.Members.of(members.require("config", dict), what="manifest: config")
            kind = config.require("mediaType", str)
        descriptor = Descriptor(
            media_type=media_type,
            digest=Digest.of(raw),
            size=len(raw),
            artifact_type=kind,
            annotations=members.text_map("annotations"),
        )
        of = Descriptor.read(document.Members.of(subject, what="manifest: subject"))
        return cls(subject=of.digest, descriptor=descriptor)

    def listed(self, index: ImageIndex) -> ImageIndex:
        """Give an index with the document in it; the same one if it is there already."""
        if any(each.digest == self.descriptor.digest for each in index.manifests):
            return index
        return replace(index, manifests=(*index.manifests, self.descriptor))


def fallback_tag(subject: Digest) -> str:
    """Give the name of the index that lists a document's referrers where no API does ("Referrers Tag Schema")."""
    return f"sha256-{subject.hex}"


def companion_tags(subject: Digest) -> tuple[str, ...]:
    """Give the names of what cosign attaches without a subject (its SIGNATURE_SPEC.md, "Tag-based Discovery")."""
    return tuple(f"{fallback_tag(subject)}.{suffix}" for suffix in COMPANIONS)
