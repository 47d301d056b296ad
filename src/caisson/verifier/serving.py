"""Serving the API on a socket, until a signal ends it."""

import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette

from caisson.verifier.app import build_app
from caisson.verifier.gate import Gate
from caisson.verifier.verifier import Verifier
from caisson.web import serve_application


def serve(verifier: Verifier, gate: Gate, *, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT; `ready` is called when requests are answered.

    It is plain HTTP: what counts is the token's signature, and TLS ends where it is wanted, in front.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        ready()
        yield

    serve_application(build_app(verifier, gate, lifespan=lifespan), listener=listener)
