"""Serving an application on a socket, until a signal ends it in order."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette

from caisson.web.clients import Listener, Network, as_seen
from caisson.web.connection import Connection

_MOST_CONNECTIONS = 512
_GRACE_SECONDS = 5


def serve_application(
    app: Starlette,
    *,
    listener: socket.socket,
    tls: ssl.SSLContext | None = None,
    share: int = _MOST_CONNECTIONS,
    proxies: tuple[Network, ...] = (),
) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT; without a context, in plain HTTP.

    No client has more than `share` connections at a time. From `proxies`, and from nobody else, it is believed for whom
    they ask (X-Forwarded-For). The application's lifespan begins when requests are answered.
    """
    config = uvicorn.Config(
        app,
        http=Connection,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=[spelling for proxy in proxies for spelling in as_seen(proxy)],
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    fair = Listener(listener, most=_MOST_CONNECTIONS, share=share, proxies=proxies)
    with asyncio.Runner(loop_factory=_Loop) as runner:
        runner.run(_Server(config).serve(sockets=[fair]))


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that waits for the beginning and the end of TLS as long as for a request, and not for a minute."""

    async def create_server(self, *arguments: Any, **options: Any) -> asyncio.Server:
        patience = Connection.MOST_SECONDS if options["ssl"] else None
        return await super().create_server(
            *arguments, **options, ssl_handshake_timeout=patience, ssl_shutdown_timeout=patience
        )


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
