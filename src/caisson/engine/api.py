"""The transport of the Docker engine's HTTP API (https://docs.docker.com/reference/api/engine/), and its failures."""

import contextlib
import os
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx2

from caisson.errors import Unavailable, UsageError

DEFAULT_HOST = "unix:///var/run/docker.sock"
FIRST_ERROR = 400
_OCCUPIED = ("port is already allocated", "address already in use")  # Docker's words, and the kernel's
_OTHER_PORT = "choose another port of this machine with `--publish PORT:PORT`, or stop what has this one"


class Api:
    """A connection to one engine. Every call may raise `Unavailable` if it does not answer, or not as its API promises.

    Podman's service (`podman system service`) speaks the same API.
    """

    def __init__(self, host: str | None = None) -> None:
        self.host = host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
        scheme, _, rest = self.host.partition("://")
        if scheme not in ("unix", "tcp", "http") or not rest:
            raise self._refusal()
        transport = httpx2.HTTPTransport(uds=rest) if scheme == "unix" else None
        try:
            # No proxies: a proxy for the Internet does not lead to the engine.
            self._http = httpx2.Client(
                transport=transport,
                base_url="http://docker" if scheme == "unix" else f"http://{rest}",
                timeout=60,
                trust_env=False,
            )
        except httpx2.InvalidURL as cause:
            raise self._refusal() from cause

    def _refusal(self) -> UsageError:
        return UsageError(
            f"Docker host `{self.host}` is neither `unix://…` nor `tcp://…`", hint="set DOCKER_HOST to one of these"
        )

    @property
    def local(self) -> bool:
        """Whether the engine is reached in a way that does not leave this machine."""
        scheme, _, rest = self.host.partition("://")
        return scheme == "unix" or rest.startswith(("127.", "localhost:", "[::1]:"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Ask, and give the JSON of the answer."""
        answer = checked(self.send(method, path, **arguments))
        with as_promised():
            return answer.json() if answer.content else None

    def send(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        """Ask, and give the whole answer, whatever its status."""
        with self._answering():
            return self._http.request(method, path, **arguments)

    def stream(self, path: str, parameters: dict[str, str]) -> Iterator[bytes]:
        """Give an answer in pieces, as they come, for as long as they come."""
        with self._answering(), self._http.stream("GET", path, params=parameters, timeout=None) as answer:
            if answer.status_code >= FIRST_ERROR:
                answer.read()
                checked(answer)
            yield from answer.iter_bytes()

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (httpx2.HTTPError, httpx2.InvalidURL) as cause:
            raise Unavailable(
                f"the Docker engine at `{self.host}` does not answer: {cause}",
                hint="start Docker, or set DOCKER_HOST to an engine that runs",
            ) from cause


@contextlib.contextmanager
def as_promised() -> Iterator[None]:
    """Turn what reading an answer of another shape raises into our error."""
    try:
        yield
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError, StopIteration) as cause:
        raise Unavailable(
            "the Docker engine's answer is not what its API promises", hint="is DOCKER_HOST a Docker engine?"
        ) from cause


def checked(answer: httpx2.Response) -> httpx2.Response:
    """Give an answer that is none of a failure.

    Raises:
        UsageError: the engine refuses.
    """
    if answer.status_code >= FIRST_ERROR:
        try:
            message = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            message = answer.text
        occupied = any(words in message for words in _OCCUPIED)
        raise UsageError(f"the Docker engine refuses: {message}", hint=_OTHER_PORT if occupied else None)
    return answer


def json_of(answer: httpx2.Response) -> Any:
    """Give the JSON of an answer that is none of a failure."""
    return checked(answer).json()
