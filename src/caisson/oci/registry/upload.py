"""Blobs on their way to a registry: mounted where it has them already, else sent in pieces that can be resumed."""

import re
from collections.abc import Callable, Iterator
from functools import partial

import httpx2

from caisson.errors import CaissonError, Unavailable
from caisson.oci import stream
from caisson.oci.descriptor import Descriptor
from caisson.oci.progress import Bar
from caisson.oci.registry.connection import unreachable
from caisson.oci.registry.retry import RETRIED
from caisson.oci.registry.session import Request, Session
from caisson.oci.registry.tokens import Scopes
from caisson.oci.store import Reopen

_OK, _CREATED, _ACCEPTED, _NO_CONTENT, _NOT_FOUND = 200, 201, 202, 204, 404
_LOST = frozenset({400, 401, 404, 410, 416})  # the upload is not as we think it is, or the token went out of date
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")
_LEAST = re.compile(r"[0-9]{1,10}")
_MOST_AT_ONCE = 1 << 30


class _Interrupted(Exception):
    """Sending broke off with `trouble`, at `location`, perhaps with an `answer`."""

    def __init__(self, location: str, trouble: CaissonError, answer: httpx2.Response | None = None) -> None:
        super().__init__(trouble.message)
        self.location = location
        self.trouble = trouble
        self.answer = answer


class Upload:
    """One blob for one repository; `mount_from` is a repository of the same registry that may have it."""

    def __init__(
        self,
        session: Session,
        repository: str,
        descriptor: Descriptor,
        reopen: Reopen,
        *,
        mount_from: str | None = None,
    ) -> None:
        self._session = session
        self._repository = repository
        self._descriptor = descriptor
        self._reopen = reopen
        self._mount_from = mount_from
        self._chunk = session.access.chunk
        self._confirmed = 0  # the most bytes that the registry ever said it has

    def run(self) -> None:
        """Bring the blob there.

        Raises:
            ImageRejected: the blob is not what its descriptor says.
            Unavailable: it cannot be brought there now.
        """
        bar = self._session.access.progress.begin(str(self._descriptor.digest), self._descriptor.size)
        outcome = "failed"
        try:
            outcome = self._run(bar)
        finally:
            bar.end(outcome)

    def exists(self) -> bool:
        """Tell whether the repository has the blob."""
        url = f"{self._repository}/blobs/{self._descriptor.digest}"
        with self._session.exchange(Request(method="HEAD", url=url, scopes=self._scopes())) as answer:
            if answer.status_code not in {_OK, _NOT_FOUND}:
                raise self._session.failure(answer, f"write to `{self._repository}`")
            return answer.status_code == _OK

    def _run(self, bar: Bar) -> str:
        if self.exists():
            return "exists"
        location = self._start(self._mount_from)
        if location is None:
            return "mounted"
        failures, offset, shown = 0, 0, _Shown(bar)
        while True:
            before = self._confirmed
            try:
                self._finish(self._send(location, offset, shown))
            except _Interrupted as interrupted:
                found = self._resume(interrupted.location)
                failures = 1 if self._confirmed > before else failures + 1
                if not self._session.access.retry.pause(failures, interrupted.answer):
                    raise interrupted.trouble from interrupted
                if found is None and self.exists():
                    return "done"
                location, offset = (self._begin(), 0) if found is None else found
            else:
                return "done"

    def _scopes(self, mount_from: str | None = None) -> Scopes:
        own = (f"repository:{self._repository}:pull,push",)
        return own if mount_from is None else (*own, f"repository:{mount_from}:pull")

    def _start(self, mount_from: str | None) -> str | None:
        """Give the location of a new upload, or None if the blob could be mounted instead."""
        if mount_from is None:
            return self._begin()
        url = f"{self._repository}/blobs/uploads/?mount={self._descriptor.digest}&from={mount_from}"
        with self._session.exchange(Request(method="POST", url=url, scopes=self._scopes(mount_from))) as answer:
            if answer.status_code == _CREATED:
                return None
            if answer.status_code == _ACCEPTED:
                return self._location(answer)
        return self._begin()  # some registries refuse what they cannot mount, instead of beginning an upload

    def _begin(self) -> str:
        request = Request(method="POST", url=f"{self._repository}/blobs/uploads/", scopes=self._scopes())
        with self._session.exchange(request) as answer:
            if answer.status_code != _ACCEPTED:
                raise self._session.failure(answer, f"write to `{self._repository}`")
            return self._location(answer)

    def _send(self, location: str, offset: int, shown: "_Shown") -> str:
        """Send what is left from `offset` on, piece by piece; give the location of the whole upload."""
        known = self._descriptor
        checked = stream.verified(self._reopen(), digest=known.digest, size=known.size, what="blob")
        pieces = _Pieces(checked, skip=offset)
        while offset < self._descriptor.size:
            size = min(self._chunk, self._descriptor.size - offset)
            headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{offset}-{offset + size - 1}"}
            answer = self._once("PATCH", location, headers, partial(shown.through, pieces.take(size)), size)
            if answer.status_code != _ACCEPTED:
                raise self._trouble(location, answer)
            offset += size
            location = self._location(answer)
            if (said := _said(answer)) is not None and said != offset:
                raise _Interrupted(location, Unavailable(f"registry `{self._session.host}` takes parts of pieces only"))
            self._confirmed = max(self._confirmed, offset)
        pieces.require_end()
        return location

    def _finish(self, location: str) -> None:
        mark = "&" if "?" in location else "?"
        answer = self._once("PUT", f"{location}{mark}digest={self._descriptor.digest}", {}, None, 0)
        if answer.status_code not in {_CREATED, _NO_CONTENT}:
            raise self._trouble(location, answer)

    def _once(
        self, method: str, url: str, headers: dict[str, str], body: Callable[[], Iterator[bytes]] | None, size: int
    ) -> httpx2.Response:
        request = Request(method=method, url=url, scopes=self._scopes(), headers=headers, body=body, size=size)
        try:
            return self._session.once(request)
        except httpx2.TransportError as error:
            location = url.rpartition("digest=")[0].rstrip("?&") if method == "PUT" else url
            raise _Interrupted(location, unreachable(self._session.host, error)) from error

    def _trouble(self, location: str, answer: httpx2.Response) -> Exception:
        failure = self._session.failure(answer, f"take a blob for `{self._repository}`", answer.content)
        return _Interrupted(location, failure, answer) if answer.status_code in RETRIED | _LOST else failure

    def _resume(self, location: str) -> tuple[str, int] | None:
        """Ask how far the upload is; None if the registry has given it up."""
        with self._session.exchange(Request(method="GET", url=location, scopes=self._scopes())) as answer:
            if answer.status_code != _NO_CONTENT or (offset := _said(answer)) is None:
                return None
            if offset > self._descriptor.size:
                return None
            self._confirmed = max(self._confirmed, offset)
            return self._location(answer, location), offset

    def _location(self, answer: httpx2.Response, default: str | None = None) -> str:
        least = answer.headers.get("OCI-Chunk-Min-Length", "")
        if _LEAST.fullmatch(least) is not None:
            self._chunk = max(self._chunk, min(int(least), _MOST_AT_ONCE))
        location = answer.headers.get("Location", default)
        if location is None:
            raise Unavailable(f"registry `{self._session.host}` begins an upload without saying where")
        return str(self._session.named(answer, location))


class _Shown:
    """Tells a bar of bytes once, however often they are sent."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._most = 0

    def through(self, pieces: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
        for end, piece in pieces:
            yield piece
            self._bar.advance(max(0, end - self._most))
            self._most = max(self._most, end)


class _Pieces:
    """A stream that is taken in parts of exact sizes."""

    def __init__(self, chunks: Iterator[bytes], *, skip: int) -> None:
        self._chunks = chunks
        self._rest = b""
        self._position = 0
        for _ in self.take(skip):
            pass

    def take(self, size: int) -> Iterator[tuple[int, bytes]]:
        """Give `size` bytes, each piece with the position of its end."""
        while size:
            piece = self._rest or next(self._chunks)
            self._rest = piece[size:]
            piece = piece[:size]
            size -= len(piece)
            self._position += len(piece)
            yield self._position, piece

    def require_end(self) -> None:
        """Let the stream see its own end, where it refuses what is not as promised."""
        for _ in self._chunks:
            pass


def _said(answer: httpx2.Response) -> int | None:
    """Read how many bytes the registry has; an empty upload is told as `0-0`, too."""
    found = _RANGE.fullmatch(answer.headers.get("Range", ""))
    if found is None:
        return None
    last = int(found.group(1))
    return last + 1 if last else 0
