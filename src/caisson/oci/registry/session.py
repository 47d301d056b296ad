"""Requests to one registry, with everything that any of them may need: authentication, patience, redirects."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

import httpx2

from caisson.errors import CaissonError, TooMany, Unavailable, UsageError
from caisson.oci import document
from caisson.oci.registry.access import Access
from caisson.oci.registry.challenge import read_challenges
from caisson.oci.registry.connection import connect, unreachable
from caisson.oci.registry.credentials import CredentialStore
from caisson.oci.registry.name import RegistryName
from caisson.oci.registry.retry import RETRIED
from caisson.oci.registry.tokens import Scopes, Tokens

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 401, 403, 404, 429
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_MAX_MESSAGE = 300

Body = Callable[[], Iterable[bytes]]
"""Gives the body anew for every attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked. `url` may be relative to the registry; a `body` has `size` bytes."""

    method: str
    url: str
    scopes: Scopes
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    size: int = 0


class Session:
    """A connection to one registry for one user. Several threads may use it at once.

    Credentials go to the registry's own scheme, host and port and nowhere else: not where a redirect or an upload's
    location points, unless that is the registry itself.
    """

    def __init__(self, name: RegistryName, access: Access) -> None:
        self.host = name.host
        self.access = access
        self._credentials = CredentialStore.usual(access.auth_file, os.environ).find(name)
        self._client, scheme = connect(name.endpoint, access)
        self._base = httpx2.URL(f"{scheme}://{name.endpoint}/v2/")
        self._tokens = Tokens(credentials=self._credentials, plain_http=scheme == "http", clock=access.clock)
        self._basic = False
        self._answered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextlib.contextmanager
    def exchange(self, request: Request) -> Iterator[httpx2.Response]:
        """Send, and give the final answer, whose body is still to be read.

        Raises:
            Unavailable: nothing answers, the registry is too busy, or does not let us in.
        """
        answer = self._patiently(request)
        try:
            yield answer
        finally:
            answer.close()

    def fetch(self, request: Request) -> tuple[httpx2.Response, bytes]:
        """Send, and give the final answer with its body, which is bounded as documents are.

        Raises:
            Unavailable: see `exchange`; or the answer is too large.
        """
        failures = 0
        while True:
            try:
                with self.exchange(request) as answer:
                    return answer, self._read(answer)
            except httpx2.TransportError as error:
                failures += 1
                if not self.access.retry.pause(failures):
                    raise unreachable(self.host, error) from error

    def once(self, request: Request) -> httpx2.Response:
        """Send what must not be repeated blindly, and give the answer, read whole.

        When the registry refuses our token, a new one is had for the next attempt.

        Raises:
            httpx2.TransportError: the connection broke, and how much arrived is not known.
        """
        sent = self._authorization(request.scopes)
        answer = self._send(request, sent)
        try:
            answer.read()
        finally:
            answer.close()
        if answer.status_code == _UNAUTHORIZED and self._is_own(answer.request.url):
            self._authenticate(answer, request.scopes, sent)
        return answer

    def named(self, answer: httpx2.Response, url: str) -> httpx2.URL:
        """Give the URL that an answer names, which may be relative to where it came from.

        Raises:
            Unavailable: it is none, or one out of encryption.
        """
        try:
            target = answer.request.url.join(url)
        except httpx2.InvalidURL as cause:
            raise Unavailable(f"registry `{self.host}` names a place that is no URL") from cause
        if target.scheme not in {"https", answer.request.url.scheme}:
            raise Unavailable(f"registry `{self.host}` redirects from HTTPS to `{target.scheme}`")
        return target

    def failure(self, answer: httpx2.Response, what: str, body: bytes | None = None) -> CaissonError:
        """Say what an answer means that is not the one hoped for; `what` was to be done."""
        try:
            said = complaint(self._read(answer) if body is None else body)
        except (httpx2.TransportError, Unavailable):
            said = ""
        match answer.status_code:
            case 401 | 403:
                hint = (
                    f"log in with `docker login {self.host}`" if self._credentials is None else "ask for access to it"
                )
                return Unavailable(f"registry `{self.host}` does not let us {what}{said}", hint=hint)
            case 404:
                return UsageError(f"registry `{self.host}` cannot {what}: it has no such thing{said}")
            case 429:
                return TooMany(f"registry `{self.host}` is asked too often{said}", hint="try again later")
            case status:
                return Unavailable(f"registry `{self.host}` answers {status} when asked to {what}{said}")

    def _read(self, answer: httpx2.Response) -> bytes:
        """Read a body that is as large as a document at most.

        Raises:
            Unavailable: it is larger, or the time is over.
        """
        pieces, size = [], 0
        for piece in answer.iter_raw():
            size += len(piece)
            if size > document.MAX_SIZE:
                raise Unavailable(f"`{answer.request.url.host}` answers with more than {document.MAX_SIZE} bytes")
            self.access.receive(len(piece))
            pieces.append(piece)
        return b"".join(pieces)

    def _patiently(self, request: Request) -> httpx2.Response:
        failures = 0
        while True:
            answer: httpx2.Response | None = None
            try:
                answer = self._authorized(request)
                if answer.status_code not in RETRIED:
                    return answer
                answer.close()
                trouble = self._too_busy(answer)
            except httpx2.TransportError as error:
                trouble = unreachable(self.host, error)
                if isinstance(error, httpx2.ConnectError) and not self._answered:
                    raise trouble from error  # more likely a wrong name than a passing disturbance
            failures += 1
            self.access.receive()  # nothing, but the time may be over
            if not self.access.retry.pause(failures, answer):
                raise trouble

    def _too_busy(self, answer: httpx2.Response) -> Unavailable:
        if answer.status_code == _TOO_MANY:
            return TooMany(f"registry `{self.host}` is asked too often", hint="try again later")
        return Unavailable(f"registry `{self.host}` answers {answer.status_code}")

    def _authorized(self, request: Request) -> httpx2.Response:
        """Send with what is known; when that is refused, authenticate as the registry says, once."""
        sent = self._authorization(request.scopes)
        answer = self._send(request, sent)
        if answer.status_code != _UNAUTHORIZED or not self._is_own(answer.request.url):
            return answer
        fresh = self._authenticate(answer, request.scopes, sent)
        if fresh is None or fresh == sent:
            return answer
        answer.close()
        return self._send(request, fresh)

    def _authorization(self, scopes: Scopes) -> str | None:
        if self._basic and self._credentials is not None:
            return self._credentials.basic()
        if self._credentials is not None and self._credentials.registry_token:
            return f"Bearer {self._credentials.registry_token}"
        token = self._tokens.known(scopes)
        return None if token is None else f"Bearer {token}"

    def _authenticate(self, answer: httpx2.Response, scopes: Scopes, sent: str | None) -> str | None:
        for challenge in read_challenges(", ".join(answer.headers.get_list("WWW-Authenticate"))):
            if challenge.scheme == "bearer":
                refused = sent.removeprefix("Bearer ") if sent else None
                token = self._tokens.fetch(challenge, scopes, refused=refused, send=self._ask_for_token)
                return f"Bearer {token}"
            if challenge.scheme == "basic" and self._credentials is not None and self._credentials.user:
                self._basic = True
                return self._credentials.basic()
        return None

    def _ask_for_token(self, request: httpx2.Request) -> tuple[int, bytes]:
        failures = 0
        while True:
            answer: httpx2.Response | None = None
            try:
                answer = self._client.send(request, follow_redirects=False, stream=True)
                with contextlib.closing(answer):
                    if answer.status_code not in RETRIED:
                        return answer.status_code, self._read(answer)
                trouble: CaissonError = self._too_busy(answer)
            except httpx2.TransportError as error:
                trouble = unreachable(request.url.host, error)
            failures += 1
            self.access.receive()
            if not self.access.retry.pause(failures, answer):
                raise trouble

    def _send(self, request: Request, authorization: str | None) -> httpx2.Response:
        """Send and follow redirects; away from the registry, without credentials, and never out of encryption."""
        url = self._base.join(request.url)
        for _ in range(_MAX_REDIRECTS + 1):
            headers = dict(request.headers)
            if authorization is not None and self._is_own(url):
                headers["Authorization"] = authorization
            content = None
            if request.body is not None:
                content = request.body()
                headers["Content-Length"] = str(request.size)
            sent = self._client.build_request(request.method, url, headers=headers, content=content)
            answer = self._client.send(sent, stream=True)
            self._answered = True
            location = answer.headers.get("Location")
            if answer.status_code not in _REDIRECTS or location is None:
                return answer
            answer.close()
            url = self.named(answer, location)
        raise Unavailable(f"registry `{self.host}` redirects without end")

    def _is_own(self, url: httpx2.URL) -> bool:
        own = self._base
        return (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)


def complaint(body: bytes) -> str:
    """Give what a registry says is wrong, made fit to print (distribution-spec, "Error Codes")."""
    try:
        first = json.loads(body)["errors"][0]
        said = f"{first.get('code', '')} {first.get('message', '')}".strip()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    printable = "".join(each for each in said if each.isprintable())
    return f": {printable[:_MAX_MESSAGE]}" if printable else ""
