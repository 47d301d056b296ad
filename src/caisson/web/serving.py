"""Serving an application on a socket, until a signal ends it in order."""

import contextlib
import signal
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from caisson.web.connection import Connection

_MOST_CONNECTIONS = 512
_GRACE_SECONDS = 5


def serve_application(app: Starlette, *, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT; without a context, in plain HTTP.

    The application's lifespan begins when requests are answered.
    """
    config = uvicorn.Config(
        app,
        http=Connection,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends in order on a signal, where uvicorn's own would in the end let the signal kill the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {kind: signal.signal(kind, self.handle_exit) for kind in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)
