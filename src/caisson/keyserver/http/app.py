"""The ASGI application."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caisson.keyserver.activation import Activations
from caisson.keyserver.http.endpoints import no_such_path
from caisson.keyserver.http.guests import guest_routes
from caisson.keyserver.http.operators import operator_routes

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
DEV_HEADERS = {"caisson-insecure-dev": "in memory, for trying only; what it holds is lost when it ends"}


class _Headers:
    """Puts the same headers on every answer, errors included."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def build_app(
    activations: Activations,
    *,
    dev: bool = False,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """Put the guests' and the operators' API together; `dev` marks every answer."""
    handlers: dict[Any, Any] = {404: no_such_path, 405: no_such_path}
    return Starlette(
        routes=[*guest_routes(activations), *operator_routes(activations.server)],
        middleware=[Middleware(_Headers, headers=_HEADERS | (DEV_HEADERS if dev else {}))],
        exception_handlers=handlers,
        lifespan=lifespan,
    )
