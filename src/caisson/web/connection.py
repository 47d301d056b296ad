"""One connection: whoever is silent on it does not keep it."""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """A connection that ends where no request is being answered, and none has arrived, for `MOST_SECONDS`.

    uvicorn itself waits for ever for the first byte, for the end of a request's head, and for what is left of a body
    that was answered early; as many such connections as it takes at once would keep everybody else out.
    """

    MOST_SECONDS: ClassVar[float] = 10.0
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait()

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(self.MOST_SECONDS, self._end_if_idle)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()

    def _end_if_idle(self) -> None:
        # A request that is being answered has limits of its own, and at its end we wait again.
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr] # uvicorn begins with None
            self.transport.abort()
