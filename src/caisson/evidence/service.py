"""One GET of a vendor's service: bounded in size and time, and every failure said in words. Nothing is trusted yet."""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from caisson.errors import Unavailable, UsageError

_OK = 200
_REDIRECTS = range(300, 400)
_MOST_BYTES = 4 * 1024 * 1024
_PATIENCE = 10.0
_MOST_SECONDS = 60.0
_PAGE = "text/html"
_GENERAL = {
    401: "it asks for a token or a subscription key",
    403: "it does not serve this client",
    404: "it does not know what was asked for",
    429: "it is asked too often",
    500: "it failed",
    502: "it, or a proxy in front of it, got no answer itself",
    503: "it is not available for now",
    504: "it, or a proxy in front of it, got no answer in time",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with status 200."""

    content: bytes
    headers: httpx2.Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that is called `name` in messages; `meanings` are of statuses that mean something special to it."""

    name: str
    client: httpx2.Client
    meanings: Mapping[int, str] = field(default_factory=dict)
    option: str
    seconds: float = _MOST_SECONDS
    clock: Callable[[], float] = time.monotonic

    def get(self, url: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """Fetch one document.

        Raises:
            Unavailable: no answer, not in time, too large, or with another status than 200.
        """
        content = bytearray()
        deadline = self.clock() + self.seconds
        path = url.rpartition("/v4/")[2].rpartition("/v1/")[2]
        try:
            with self.client.stream("GET", url, params=dict(query), headers=headers) as answer:
                self._require_ok(answer, path)
                for piece in answer.iter_bytes():
                    content += piece
                    if len(content) > _MOST_BYTES:
                        raise Unavailable(f"{self.name} answers `{path}` with more than {_MOST_BYTES} bytes")
                    if self.clock() > deadline:
                        raise Unavailable(f"{self.name} did not answer `{path}` within {self.seconds:.0f} seconds")
        except (httpx2.HTTPError, httpx2.InvalidURL) as cause:
            raise self._unreachable(url, cause) from cause
        return Answer(bytes(content), answer.headers)

    def _require_ok(self, answer: httpx2.Response, path: str) -> None:
        status = answer.status_code
        if status in _REDIRECTS:
            raise Unavailable(
                f"{self.name} answers `{path}` with status {status}: it sends elsewhere, which is not followed",
                hint=f"give the address itself with `{self.option}`",
            )
        if status != _OK:
            meaning = self.meanings.get(status) or _GENERAL.get(status)
            later = answer.headers.get("retry-after", "")
            raise Unavailable(
                f"{self.name} answers `{path}` with status {status}" + (f": {meaning}" if meaning else ""),
                hint=f"try again in {later} seconds" if later.isascii() and later.isdigit() else None,
            )
        if answer.headers.get("content-type", "").lower().startswith(_PAGE):
            raise Unavailable(
                f"{self.name} answers `{path}` with a web page", hint="is there a proxy or a login page in between?"
            )

    def _unreachable(self, url: str, cause: Exception) -> Unavailable:
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(cause)):
            return Unavailable(
                f"{self.name} at `{url}` shows a certificate that is not trusted: {cause}",
                hint=f"if it has a certificate of its own, name that file with `{self.option}-ca`",
            )
        return Unavailable(f"{self.name} at `{url}` does not answer: {cause}", hint=f"check `{self.option}`")


def web_client(*, ca: Path | None = None, patience: float = _PATIENCE) -> httpx2.Client:
    """Make a client that follows no redirects and uses no proxy.

    TLS is checked against the system's authorities or, if `ca` is given, against the certificates in that file and no
    others; one of them may be the service's own, self-signed one.

    Raises:
        UsageError: the file cannot be read, or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as cause:  # also what `ssl` says of a file without certificates
        raise UsageError(f"`{ca}` holds no certificates that can be read", hint="it must be PEM") from cause
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return httpx2.Client(timeout=patience, trust_env=False, verify=context)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
