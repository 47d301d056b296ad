"""`docker://` - an image in a registry (OCI distribution-spec)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from caisson.errors import ImageRejected, UsageError
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.image import Image
from caisson.oci.layer import FileLayer, Layer
from caisson.oci.places.assemble import read_image
from caisson.oci.region import Region
from caisson.oci.registry import DEFAULT_ACCESS, Access, RegistryName, Repository


@dataclass(frozen=True, slots=True)
class Registry:
    """One image of a registry, by its tag or digest."""

    name: RegistryName
    access: Access = DEFAULT_ACCESS

    def read(self, *, scratch: Path) -> Image:
        """Fetch the image, several layers at a time; see `Source`. Of an index, the image for linux/amd64."""
        with Repository.open(self.name, self.access) as repository:
            chosen, raw = _found(repository, self.name)

            def document(descriptor: Descriptor) -> bytes:
                if descriptor == chosen:
                    return raw
                if descriptor.media_type in MediaType.MANIFESTS | MediaType.INDEXES:
                    return _expected(repository, descriptor)
                return repository.small_blob(descriptor, scratch)

            return read_image(
                chosen,
                document,
                partial(_fetch, repository, scratch),
                scratch=scratch,
                origin=f"{self.name.host}/{self.name.repository}",
                limits=self.access.limits,
            )

    def write(self, image: Image, *, overwrite: bool = False) -> None:
        """Push the image; see `Sink`. Blobs come first, several at a time, the manifest last."""
        if self.name.digest not in {None, image.digest}:
            raise UsageError(f"image has the digest {image.digest}, not the one of `{self.name}`")
        with Repository.open(self.name, self.access, writing=True) as repository:
            if self.name.tag and (known := repository.find(self.name.tag)) is not None:
                if known[0].digest == image.digest:
                    return
                if not overwrite:
                    raise UsageError(
                        f"registry `{self.name.host}` has another image as `{self.name}`",
                        hint="add `--force` to replace it, or choose another tag",
                    )
            self._push(repository, image)
            repository.put_document(image.documents.manifest, image.manifest.media_type, name=self.name.tag)

    def _push(self, repository: Repository, image: Image) -> None:
        layers: dict[Digest, Layer] = {layer.descriptor.digest: layer for layer in image.layers}
        config = image.documents.config
        with ThreadPoolExecutor(self.access.workers) as pool:
            waiting = [pool.submit(self._put, repository, layer) for layer in layers.values()]
            waiting.append(pool.submit(repository.put_blob, image.manifest.config, lambda: iter((config,))))
            try:
                for each in waiting:
                    each.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _put(self, repository: Repository, layer: Layer) -> None:
        descriptor = layer.descriptor
        if descriptor.is_elsewhere:
            return  # whoever pulls gets it from where its descriptor says
        host, _, origin = layer.origin.partition("/") if isinstance(layer, FileLayer) else ("", "", "")
        mount_from = origin if host == self.name.host and origin != self.name.repository else None
        repository.put_blob(descriptor, layer.stored, mount_from=mount_from)


def resolve(name: RegistryName, access: Access = DEFAULT_ACCESS) -> Digest:
    """Fetch the manifest or index that a name has at this moment, and give the digest of the bytes that came.

    Raises:
        UsageError: the registry has no such image.
        ImageRejected: it gives another document than the one with the digest that was asked for.
        Malformed: what it gives is no manifest.
        Unavailable: it does not answer.
    """
    with Repository.open(name, access) as repository:
        return _found(repository, name)[0].digest


def _found(repository: Repository, name: RegistryName) -> tuple[Descriptor, bytes]:
    found = repository.find(name.reference)
    if found is None:
        raise UsageError(f"registry `{name.host}` has no image `{name}`")
    return found


def _expected(repository: Repository, descriptor: Descriptor) -> bytes:
    found = repository.find(str(descriptor.digest))
    if found is None:
        raise ImageRejected(f"registry `{repository.session.host}` lacks the manifest {descriptor.digest}")
    known, raw = found
    if (known.media_type, known.size) != (descriptor.media_type, descriptor.size):
        raise ImageRejected(f"manifest {descriptor.digest} is not what the index says of it")
    return raw


def _fetch(repository: Repository, scratch: Path, layers: Sequence[Descriptor]) -> list[Region]:
    """Fetch layers, each once."""
    wanted = {layer.digest: layer for layer in layers}
    with ThreadPoolExecutor(repository.session.access.workers) as pool:
        waiting = {digest: pool.submit(repository.blob, layer, scratch) for digest, layer in wanted.items()}
        try:
            regions = {digest: each.result() for digest, each in waiting.items()}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [regions[layer.digest] for layer in layers]
