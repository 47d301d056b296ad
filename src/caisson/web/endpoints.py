"""How a handler becomes a route: body within limits, work in a thread, every error an answer."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from caisson.errors import CaissonError, Malformed, Unknown
from caisson.web.answers import bug_answer, error_answer, refusal_answer
from caisson.web.clients import Network, one_client
from caisson.web.requests import parse_body, read_body

_Body = TypeVar("_Body", bound=BaseModel)
_NUMBER = re.compile(r"-?[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request whose body was read."""

    request: Request
    raw: bytes

    @property
    def name(self) -> str:
        """The name in the path."""
        return str(self.request.path_params["name"])

    @property
    def client(self) -> Network | None:
        """Who asks, as far as an address tells."""
        peer = self.request.client
        return None if peer is None else one_client(peer.host)

    def body(self, kind: type[_Body]) -> _Body:
        """The JSON body.

        Raises:
            Malformed: another one.
        """
        return parse_body(self.raw, kind)

    def number(self, name: str, default: int) -> int:
        """A number from the query.

        Raises:
            Malformed: not a number.
        """
        text = self.request.query_params.get(name)
        if text is None:
            return default
        if not _NUMBER.fullmatch(text):
            raise Malformed(f"query: {name} is not a number")
        return int(text)


def route(
    method: str, path: str, handler: Callable[[Call], Response], *, codes: dict[type[CaissonError], str] | None = None
) -> Route:
    """Make a route of a handler, which runs in a thread of its own; `codes` names errors as this route does."""

    async def endpoint(request: Request) -> Response:
        try:
            return await run_in_threadpool(handler, Call(request, await read_body(request)))
        except CaissonError as error:
            return refusal_answer(error, codes or {})
        except Exception as error:  # noqa: BLE001 - the edge: a bug becomes an answer, and releases nothing
            return bug_answer(error)

    return Route(path, endpoint, methods=[method])


def wrong_method(_request: Request, error: Exception) -> Response:
    """Answer a method that a path does not have."""
    answer = error_answer(405, "method", "the path does not have this method")
    if isinstance(error, HTTPException):
        answer.headers.update(error.headers or {})
    return answer


def no_such_path(_request: Request, _error: Exception) -> Response:
    """Answer what no route fits."""
    return refusal_answer(Unknown("there is no such path or method"), {})
