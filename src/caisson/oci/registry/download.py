"""Blobs on their way here: checked while they stream, and taken up again where a connection broke."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from caisson.errors import ImageRejected
from caisson.oci import stream
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.progress import Bar
from caisson.oci.region import CHUNK, Region
from caisson.oci.registry.connection import unreachable
from caisson.oci.registry.session import Request, Session
from caisson.oci.registry.tokens import Scopes

_OK, _PARTIAL, _NOT_FOUND, _GONE = 200, 206, 404, 410
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:[0-9]{1,18}|\*)")


class _Missing(Exception):
    """The blob is not at this place."""


def download(session: Session, repository: str, descriptor: Descriptor, scratch: Path, *, scopes: Scopes) -> Region:
    """Fetch a blob into a new file of `scratch`; one that is not what its descriptor says leaves nothing.

    A layer that registries may not hand out is fetched from where its descriptor says, if the registry lacks it.

    Raises:
        ImageRejected: another digest or size, or the registry lacks it.
        Unavailable: it cannot be had now.
    """
    with _shown(session, descriptor) as bar:
        for url in (f"{repository}/blobs/{descriptor.digest}", *_foreign(descriptor)):
            hashing = stream.Hashing()
            pieces = _pieces(session, Request(method="GET", url=url, scopes=scopes), descriptor, bar)
            try:
                region = stream.store(hashing.through(pieces), scratch)
            except _Missing:
                continue
            if hashing.digest != descriptor.digest:
                region.path.unlink()
                raise ImageRejected(f"blob has the digest {hashing.digest}, not {descriptor.digest}")
            return region
    raise ImageRejected(f"registry `{session.host}` lacks the blob {descriptor.digest}")


@contextmanager
def _shown(session: Session, descriptor: Descriptor) -> Iterator[Bar]:
    bar = session.access.progress.begin(str(descriptor.digest), descriptor.size)
    outcome = "failed"
    try:
        yield bar
        outcome = "done"
    finally:
        bar.end(outcome)


def _foreign(descriptor: Descriptor) -> tuple[str, ...]:
    urls = descriptor.other.get("urls")
    if descriptor.media_type not in MediaType.FOREIGN_LAYERS or not isinstance(urls, list):
        return ()
    return tuple(url for url in urls if isinstance(url, str) and url.startswith("https://"))


def _pieces(session: Session, request: Request, descriptor: Descriptor, bar: Bar) -> Iterator[bytes]:
    """Give exactly the descriptor's size in bytes; after a broken connection go on where it broke.

    Failures count anew after each that brought some bytes: the size bounds how often that can be.
    """
    position, failures = 0, 0
    while position < descriptor.size or position == failures == 0:
        before, trouble = position, None
        try:
            for piece in _from(session, request, position):
                position += len(piece)
                if position > descriptor.size:
                    raise ImageRejected(f"blob {descriptor.digest} is larger than its {descriptor.size} bytes")
                session.access.receive(len(piece))
                bar.advance(len(piece))
                yield piece
        except httpx2.TransportError as error:
            trouble = error
        if position == descriptor.size:
            return
        if trouble is None:
            raise ImageRejected(f"blob {descriptor.digest} has {position} bytes; its descriptor says {descriptor.size}")
        failures = 1 if position - before >= CHUNK else failures + 1
        if not session.access.retry.pause(failures):
            raise unreachable(session.host, trouble) from trouble


def _from(session: Session, request: Request, position: int) -> Iterator[bytes]:
    """Give the bytes from `position` on, whether or not the registry knows of ranges."""
    headers = {"Range": f"bytes={position}-"} if position else {}
    ranged = Request(method=request.method, url=request.url, scopes=request.scopes, headers=headers)
    with session.exchange(ranged) as answer:
        if answer.status_code in {_NOT_FOUND, _GONE}:
            raise _Missing
        if answer.status_code not in {_OK, _PARTIAL}:
            raise session.failure(answer, "give us a blob")
        skip = position - _start(answer)
        if skip < 0:
            raise ImageRejected("registry gives another part of a blob than it was asked for")
        for piece in _gathered(answer.iter_raw()):
            if skip < len(piece):
                yield piece[skip:] if skip else piece
            skip = max(0, skip - len(piece))


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Gather small pieces; what came before the connection broke is given, too."""
    gathered = bytearray()
    try:
        for piece in pieces:
            gathered += piece
            if len(gathered) >= CHUNK:
                yield bytes(gathered)
                gathered.clear()
    except httpx2.TransportError:
        yield bytes(gathered)
        raise
    yield bytes(gathered)


def _start(answer: httpx2.Response) -> int:
    if answer.status_code == _OK:
        return 0
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if found is None:
        raise ImageRejected("registry gives a part of a blob without saying which")
    return int(found.group(1))
