"""A server that ends in order."""

import contextlib
import signal
from collections.abc import Iterator

import uvicorn


class Server(uvicorn.Server):
    """Ends in order on a signal, where uvicorn's own would in the end let the signal kill the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hold the signals as long as requests are answered, and give them back then."""
        before = {kind: signal.signal(kind, self.handle_exit) for kind in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)
