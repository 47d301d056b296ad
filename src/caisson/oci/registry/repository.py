"""One repository of a registry: documents and blobs by digest, and names for documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from caisson.errors import ImageRejected, Malformed, UsageError
from caisson.oci import document
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.region import Region
from caisson.oci.registry.access import Access
from caisson.oci.registry.download import download
from caisson.oci.registry.name import RegistryName
from caisson.oci.registry.session import Request, Session
from caisson.oci.registry.tokens import Scopes
from caisson.oci.registry.upload import Reopen, Upload

_OK, _CREATED, _NOT_FOUND = 200, 201, 404
_ACCEPT = ", ".join(sorted(MediaType.MANIFESTS | MediaType.INDEXES))


class Repository:
    """What can be asked of a repository, and written to it."""

    def __init__(self, session: Session, repository: str) -> None:
        self.session = session
        self.name = repository

    @classmethod
    @contextmanager
    def open(cls, name: RegistryName, access: Access) -> Iterator["Repository"]:
        """Connect to the repository of a name.

        Raises:
            UsageError: what was chosen for the access cannot be used.
            Unavailable: the registry does not answer.
        """
        with Session(name, access) as session:
            yield cls(session, name.repository)

    def document(self, reference: str, *, scopes: Scopes | None = None) -> tuple[Descriptor, bytes] | None:
        """Give the manifest or index of a tag or digest, with its descriptor; None if there is none.

        Raises:
            ImageRejected: another digest was asked for.
            Malformed: the registry gives it another type than it has itself.
            Unavailable: the registry does not give it.
        """
        answer, raw = self._manifest("GET", reference, scopes or self._pull)
        if answer.status_code == _NOT_FOUND:
            return None
        if answer.status_code != _OK:
            raise self.session.failure(answer, f"give us `{self.name}`", raw)
        digest = Digest.of(raw)
        if reference.startswith("sha256:") and reference != str(digest):
            raise ImageRejected(f"registry `{self.session.host}` gives {digest} in the place of {reference}")
        return Descriptor(media_type=_media_type(answer, raw), digest=digest, size=len(raw)), raw

    def tagged(self, tag: str) -> Digest | None:
        """Give the digest that a tag stands for now, or None."""
        found = self.document(tag, scopes=self._push)
        return None if found is None else found[0].digest

    def blob(self, descriptor: Descriptor, scratch: Path) -> Region:
        """Fetch a blob; see `download`."""
        return download(self.session, self.name, descriptor, scratch, scopes=self._pull)

    def small_blob(self, descriptor: Descriptor, scratch: Path) -> bytes:
        """Fetch a blob that is a document.

        Raises:
            ImageRejected: see `download`, or it is larger than a document may be.
        """
        if descriptor.size > document.MAX_SIZE:
            raise ImageRejected(f"document {descriptor.digest} is larger than {document.MAX_SIZE} bytes")
        region = self.blob(descriptor, scratch)
        raw = region.read()
        region.path.unlink()
        return raw

    def put_blob(self, descriptor: Descriptor, reopen: Reopen, *, mount_from: str | None = None) -> None:
        """Bring a blob there; see `Upload`."""
        Upload(self.session, self.name, descriptor, reopen, mount_from=mount_from).run()

    def put_document(self, raw: bytes, media_type: str, reference: str) -> httpx2.Response:
        """Store a manifest or index under a tag, or under its digest; what it points at must be there.

        Raises:
            Unavailable: the registry does not take it.
        """
        request = Request(
            method="PUT",
            url=f"{self.name}/manifests/{reference}",
            scopes=self._push,
            headers={"Content-Type": media_type},
            body=lambda: iter((raw,)),
            size=len(raw),
        )
        answer, body = self.session.fetch(request)
        if answer.status_code != _CREATED:
            raise self.session.failure(answer, f"take a manifest for `{self.name}`", body)
        return answer

    @property
    def _pull(self) -> Scopes:
        return (f"repository:{self.name}:pull",)

    @property
    def _push(self) -> Scopes:
        return (f"repository:{self.name}:pull,push",)

    def _manifest(self, method: str, reference: str, scopes: Scopes) -> tuple[httpx2.Response, bytes]:
        url = f"{self.name}/manifests/{reference}"
        return self.session.fetch(Request(method=method, url=url, scopes=scopes, headers={"Accept": _ACCEPT}))


def _media_type(answer: httpx2.Response, raw: bytes) -> str:
    """Give the type that the document has by itself, or else by its registry; they must not differ."""
    said = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    own = document.decode_object(raw, what="manifest").text("mediaType")
    if own and said in MediaType.MANIFESTS | MediaType.INDEXES and own != said:
        raise Malformed(f"registry says that a manifest is `{said}`; it says itself that it is `{own[:100]}`")
    media_type = own or said
    if media_type not in MediaType.MANIFESTS | MediaType.INDEXES:
        raise UsageError(
            f"registry holds a `{media_type[:100]}` where an image should be",
            hint="push the image anew with a newer tool",
        )
    return media_type
