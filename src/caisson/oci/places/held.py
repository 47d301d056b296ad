"""Reading what an index of a layout lists, whether in a directory or in an archive."""

from dataclasses import dataclass, field
from pathlib import Path

from caisson.errors import ImageRejected, Malformed
from caisson.oci import stream
from caisson.oci.descriptor import Descriptor
from caisson.oci.digest import Digest
from caisson.oci.manifest import ImageIndex, media_type_of
from caisson.oci.places import contents
from caisson.oci.referrer import Referrer, fallback_tag
from caisson.oci.region import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An index, and where blobs lie: the half of a `Store` that reads."""

    index: ImageIndex
    region: contents.Regions = field(repr=False)

    def find(self, reference: str) -> tuple[Descriptor, bytes] | None:
        """Give a document by its digest or name; see `Store`."""
        if not reference.startswith("sha256:"):
            chosen = contents.choose(self.index, reference)
            return None if chosen is None else (chosen, contents.small(chosen, self.region))
        digest = Digest.parse(reference)
        try:
            size = self.region(digest).size
        except ImageRejected:
            return None
        raw = contents.small(Descriptor(media_type="", digest=digest, size=size), self.region)
        return Descriptor(media_type=media_type_of(raw), digest=digest, size=size), raw

    def blob(self, descriptor: Descriptor, scratch: Path) -> Region:  # noqa: ARG002 - the blob stays where it is
        """Give a blob, read once to compare it; see `Store`."""
        region = self.region(descriptor.digest)
        for _ in stream.verified(region.chunks(), digest=descriptor.digest, size=descriptor.size, what="blob"):
            pass
        return region

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """Give what refers to a document; see `Store`.

        Some tools list them in the layout's index, some in one of their own, under the name that registries use.
        """
        found: dict[Digest, Descriptor] = {}
        for each in self.index.manifests:
            referrer = self._referrer(each)
            if referrer is not None and referrer.subject == subject:
                found[each.digest] = referrer.descriptor
        fallback = self.find(fallback_tag(subject))
        if fallback is not None:
            found.update({each.digest: each for each in ImageIndex.parse(fallback[1]).manifests})
        return tuple(found.values())

    def _referrer(self, descriptor: Descriptor) -> Referrer | None:
        """Read a document of the index; one that cannot be read refers to nothing."""
        try:
            return Referrer.of(contents.small(descriptor, self.region), descriptor.media_type)
        except (ImageRejected, Malformed):
            return None
