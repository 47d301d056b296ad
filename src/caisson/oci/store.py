"""What registries and layouts have in common: documents and blobs by digest, names for some documents, referrers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from caisson.oci.descriptor import Descriptor
from caisson.oci.digest import Digest
from caisson.oci.region import Region

Reopen = Callable[[], Iterator[bytes]]
"""Gives a blob's bytes from the start, as often as it is needed. The store compares them with the descriptor."""


class Reader(Protocol):
    """A repository of a registry, a layout, or an archive of one. What is read is what its digest says."""

    def find(self, reference: str) -> tuple[Descriptor, bytes] | None:
        """Give the manifest or index of a name or digest; None if there is none.

        Raises:
            ImageRejected: it is not what its digest says.
            Malformed: it is neither a manifest nor an index.
            Unavailable: the place does not answer.
        """

    def blob(self, descriptor: Descriptor, scratch: Path) -> Region:
        """Give a blob; `scratch` is for what must be fetched.

        Raises:
            ImageRejected: there is none, or it is not what its descriptor says.
            Unavailable: the place does not answer.
        """

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """Give what refers to a document, whether or not that is there (distribution-spec, "Listing Referrers").

        Raises:
            Malformed: the list is not a list.
            Unavailable: the place does not answer.
        """


class Store(Reader, Protocol):
    """One that can be written to."""

    def put_blob(self, descriptor: Descriptor, reopen: Reopen, *, mount_from: str | None = None) -> None:
        """Store a blob, if it is not there. `mount_from` is a repository of the same registry that may have it.

        Raises:
            ImageRejected: it is not what its descriptor says.
            Unavailable: the place does not answer.
        """

    def put_document(self, raw: bytes, media_type: str, *, name: str | None = None) -> None:
        """Store a manifest or index, whose parts must be there; under a name, too, if there is one.

        A name moves from what had it before. A document with a subject becomes one of its referrers.

        Raises:
            Unavailable: the place does not answer.
        """
