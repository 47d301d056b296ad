"""The ASGI application."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware

from caisson.keyserver.activation import Activations
from caisson.keyserver.http.guests import guest_routes
from caisson.keyserver.http.operators import operator_routes
from caisson.web import FixedHeaders, no_such_path

DEV_HEADERS = {"caisson-insecure-dev": "in memory, for trying only; what it holds is lost when it ends"}


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
        middleware=[Middleware(FixedHeaders, more=DEV_HEADERS if dev else {})],
        exception_handlers=handlers,
        lifespan=lifespan,
    )
