"""One repository of a registry: documents and blobs by digest, and names for documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from caisson.errors import ImageRejected, Malformed, Unavailable, UsageError
from caisson.oci import document
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.manifest import ImageIndex
from caisson.oci.referrer import Referrer, fallback_tag
from caisson.oci.region import Region
from caisson.oci.registry.access import Access
from caisson.oci.registry.download import download
from caisson.oci.registry.name import RegistryName
from caisson.oci.registry.referrers import list_referrers
from caisson.oci.registry.session import Request, Session
from caisson.oci.registry.upload import Upload
from caisson.oci.store import Reopen

_OK, _CREATED, _NOT_FOUND = 200, 201, 404
_LIST_ATTEMPTS = 5
_ACCEPT = ", ".join(sorted(MediaType.MANIFESTS | MediaType.INDEXES))


class Repository:
    """A `Store`. The session is open as long as it is used."""

    def __init__(self, session: Session, repository: str, *, writing: bool) -> None:
        self.session = session
        self.name = repository
        self._scopes = (f"repository:{repository}:{'pull,push' if writing else 'pull'}",)

    @classmethod
    @contextmanager
    def open(cls, name: RegistryName, access: Access, *, writing: bool = False) -> Iterator["Repository"]:
        """Connect to the repository of a name, to read or also to write.

        Raises:
            UsageError: what was chosen for the access cannot be used.
            Unavailable: the registry does not answer.
        """
        with Session(name, access) as session:
            yield cls(session, name.repository, writing=writing)

    def find(self, reference: str) -> tuple[Descriptor, bytes] | None:
        """Give the manifest or index of a tag or digest; see `Store`."""
        answer, raw = self._manifest(reference)
        if answer.status_code == _NOT_FOUND:
            return None
        if answer.status_code != _OK:
            raise self.session.failure(answer, f"give us `{self.name}`", raw)
        digest = Digest.of(raw)
        if reference.startswith("sha256:") and reference != str(digest):
            raise ImageRejected(f"registry `{self.session.host}` gives {digest} in the place of {reference}")
        return Descriptor(media_type=_media_type(answer, raw), digest=digest, size=len(raw)), raw

    def blob(self, descriptor: Descriptor, scratch: Path) -> Region:
        """Fetch a blob; see `Store` and `download`."""
        return download(self.session, self.name, descriptor, scratch, scopes=self._scopes)

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
        """Bring a blob there; see `Store` and `Upload`."""
        Upload(self.session, self.name, descriptor, reopen, mount_from=mount_from).run()

    def put_document(self, raw: bytes, media_type: str, *, name: str | None = None) -> None:
        """Store a manifest or index; see `Store`. Where there is no API for referrers, their index is renewed."""
        request = Request(
            method="PUT",
            url=f"{self.name}/manifests/{name or Digest.of(raw)}",
            scopes=self._scopes,
            headers={"Content-Type": media_type},
            body=lambda: iter((raw,)),
            size=len(raw),
        )
        answer, body = self.session.fetch(request)
        if answer.status_code != _CREATED:
            raise self.session.failure(answer, f"take a manifest for `{self.name}`", body)
        referrer = Referrer.of(raw, media_type)
        if referrer is not None and "OCI-Subject" not in answer.headers:
            self._list(referrer)

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """Give what refers to a document; see `Store`."""
        found = list_referrers(self.session, self.name, subject, self._scopes)
        return self._fallback(subject).manifests if found is None else found

    def _fallback(self, subject: Digest) -> ImageIndex:
        found = self.find(fallback_tag(subject))
        return ImageIndex(manifests=()) if found is None else ImageIndex.parse(found[1])

    def _list(self, referrer: Referrer) -> None:
        """Add to the index of referrers, and look again: others may do so at once, and no registry arbitrates."""
        for _ in range(_LIST_ATTEMPTS):
            known = self._fallback(referrer.subject)
            renewed = referrer.listed(known)
            if renewed == known:
                return
            self.put_document(renewed.encode(), MediaType.INDEX, name=fallback_tag(referrer.subject))
        raise Unavailable(f"registry `{self.session.host}` does not keep what is attached to {referrer.subject}")

    def _manifest(self, reference: str) -> tuple[httpx2.Response, bytes]:
        url = f"{self.name}/manifests/{reference}"
        return self.session.fetch(Request(method="GET", url=url, scopes=self._scopes, headers={"Accept": _ACCEPT}))


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
