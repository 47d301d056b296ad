"""Copies an image from place to place: byte for byte where both keep documents and blobs as they are."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from caisson.errors import ImageRejected, UsageError
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.manifest import ImageIndex, ImageManifest
from caisson.oci.places.find import sink, source
from caisson.oci.places.stores import has_store, open_reader, open_store
from caisson.oci.reference import REGISTRY, Reference
from caisson.oci.referrer import companion_tags
from caisson.oci.region import Region
from caisson.oci.registry import DEFAULT_ACCESS, Access, RegistryName
from caisson.oci.store import Reader, Store

_MAX_DOCUMENTS = 10_000
_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was copied: the digest at the destination, and how many documents are attached to it there."""

    digest: Digest
    attached: int


def copy(
    origin: Reference,
    destination: Reference,
    access: Access = DEFAULT_ACCESS,
    *,
    scratch: Path,
    overwrite: bool = False,
    whole: bool = True,
) -> Copied:
    """Copy an image; `whole` with all its platforms and what is attached to it, else only what is for linux/amd64.

    From or to a place that keeps images in another form - an engine, its archives, a root file system - it is only the
    image, whose manifest may become another one there.

    Raises:
        UsageError: there is no such image, or another is at the destination and `overwrite` is not set.
        ImageRejected: something is not what its descriptor says.
        Malformed: a document is not what it should be.
        Unavailable: a place does not answer.
    """
    if not (whole and has_store(origin) and has_store(destination)):
        image = source(origin, access).read(scratch=scratch)
        sink(destination, access).write(image, overwrite=overwrite)
        return Copied(digest=image.digest, attached=0)
    with (
        open_reader(origin, access, scratch=scratch) as (reader, name),
        open_store(destination, access, scratch=scratch, overwrite=overwrite) as (store, new_name),
    ):
        found = reader.find(name)
        if found is None:
            raise UsageError(f"there is no image `{origin}`")
        _refuse_other(destination, store, new_name, found[0].digest, overwrite=overwrite)
        mount_from = _mountable(origin, destination)
        with ThreadPoolExecutor(access.workers) as pool:
            transfer = _Transfer(reader, store, scratch, mount_from, pool, all_layers=destination.transport != REGISTRY)
            transfer.documents(*found, name=new_name)
            transfer.referrers(found[0].digest)
        return Copied(digest=found[0].digest, attached=transfer.attached)


class _Transfer:
    """One copy: what was brought already is not brought again."""

    def __init__(
        self,
        reader: Reader,
        store: Store,
        scratch: Path,
        mount_from: str | None,
        pool: ThreadPoolExecutor,
        *,
        all_layers: bool,
    ) -> None:
        self.attached = 0
        self._reader = reader
        self._store = store
        self._scratch = scratch
        self._mount_from = mount_from
        self._pool = pool
        self._all_layers = all_layers
        self._known: set[Digest] = set()

    def documents(self, descriptor: Descriptor, raw: bytes, *, name: str | None, depth: int = 0) -> None:
        """Bring a document and all that it points at, which comes first."""
        if depth > _MAX_DEPTH or len(self._known) > _MAX_DOCUMENTS:
            raise ImageRejected("image has indexes in indexes without end")
        if descriptor.digest in self._known and name is None:
            return
        self._known.add(descriptor.digest)
        if descriptor.media_type in MediaType.INDEXES:
            for each in ImageIndex.parse(raw).manifests:
                self.documents(*self._find(each), name=None, depth=depth + 1)
        else:
            self._blobs(ImageManifest.parse(raw))
        self._store.put_document(raw, descriptor.media_type, name=name)

    def referrers(self, subject: Digest, depth: int = 0) -> None:
        """Bring what is attached to a document, and what is attached to that; cosign's, if the place has none yet."""
        for tag in companion_tags(subject):
            companion = self._reader.find(tag)
            if companion is not None and self._store.find(tag) is None:
                self.documents(*companion, name=tag, depth=depth)
                self.attached += 1
        for each in self._reader.referrers(subject):
            if each.digest in self._known:
                continue
            self.documents(*self._find(each), name=None, depth=depth)
            self.attached += 1
            self.referrers(each.digest, depth + 1)

    def _find(self, descriptor: Descriptor) -> tuple[Descriptor, bytes]:
        found = self._reader.find(str(descriptor.digest))
        if found is None:
            raise ImageRejected(f"the document {descriptor.digest} is missing")
        if (found[0].media_type, found[0].size) != (descriptor.media_type, descriptor.size):
            raise ImageRejected(f"the document {descriptor.digest} is not what its descriptor says")
        return found

    def _blobs(self, manifest: ImageManifest) -> None:
        layers = [each for each in manifest.layers if self._all_layers or not each.is_elsewhere]
        wanted = {each.digest: each for each in (manifest.config, *layers)}
        waiting = [self._pool.submit(self._blob, each) for each in wanted.values() if each.digest not in self._known]
        self._known |= wanted.keys()
        try:
            for each in waiting:
                each.result()
        except BaseException:
            self._pool.shutdown(cancel_futures=True)
            raise

    def _blob(self, descriptor: Descriptor) -> None:
        fetched: list[Region] = []

        def reopen() -> Iterator[bytes]:
            if not fetched:
                fetched.append(self._reader.blob(descriptor, self._scratch))
            return fetched[0].chunks()

        self._store.put_blob(descriptor, reopen, mount_from=self._mount_from)
        for region in fetched:
            if region.path.parent == self._scratch:
                region.path.unlink()


def _refuse_other(destination: Reference, store: Store, name: str, digest: Digest, *, overwrite: bool) -> None:
    """Refuse to overwrite another image, or to write to a digest that is not the image's."""
    if destination.transport == REGISTRY:
        wanted = RegistryName.parse(destination.location).digest
        if wanted not in {None, digest}:
            raise UsageError(f"image has the digest {digest}, not the one of `{destination}`")
    if overwrite:
        return
    known = store.find(name) if name or destination.transport != REGISTRY else None
    if known is not None and known[0].digest != digest:
        raise UsageError(
            f"another image is there as `{destination}`", hint="add `--force` to replace it, or choose another tag"
        )


def _mountable(origin: Reference, destination: Reference) -> str | None:
    """Give the repository that the registry of both may mount blobs from."""
    if not origin.transport == destination.transport == REGISTRY:
        return None
    old, new = RegistryName.parse(origin.location), RegistryName.parse(destination.location)
    return old.repository if old.host == new.host and old.repository != new.repository else None
