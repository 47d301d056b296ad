"""Serving the API on a socket, until a signal ends it."""

import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import uvicorn
from starlette.applications import Starlette

from caisson.verifier.app import build_app
from caisson.verifier.gate import Gate
from caisson.verifier.verifier import Verifier
from caisson.web import Server

_MOST_CONNECTIONS = 512
_GRACE_SECONDS = 5


def serve(verifier: Verifier, gate: Gate, *, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT; `ready` is called when requests are answered.

    It is plain HTTP: what counts is the token's signature, and TLS ends where it is wanted, in front.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        ready()
        yield

    config = uvicorn.Config(
        build_app(verifier, gate, lifespan=lifespan),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    Server(config).run(sockets=[listener])
