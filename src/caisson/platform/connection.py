"""One connection of a guest: requests in, answers out, and patience that ends."""

import socket
import time
from dataclasses import dataclass

from caisson.errors import PlatformRejected
from caisson.platform.session import Session
from caisson.platform.space import Space
from caisson.platform.wire import HEADER, parse_header, refusal, success

# Larger requests share the memory for `Limits.large_requests`, which is not touched before bytes arrive.
_LARGE = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much guests may take; times in seconds.

    A connection without an enclave has `idle` to send its next request; one with an enclave may wait for ever. From its
    first byte on, a request must be whole within `request`, and never pause for longer than `pause`.
    """

    connections: int = 512
    large_requests: int = 8
    idle: float = 10.0
    request: float = 30.0
    pause: float = 5.0


class Hung(Exception):
    """The guest went away, or is too slow; never leaves this package."""


class Connection:
    """Serves one socket until it closes."""

    def __init__(self, stream: socket.socket, session: Session, *, limits: Limits, space: Space) -> None:
        self._stream = stream
        self._session = session
        self._limits = limits
        self._space = space

    def serve(self) -> None:
        """Answer requests until the guest leaves, or sends one that is refused."""
        try:
            while True:
                self._send(success(self._next()))
        except PlatformRejected as error:
            self._refuse(error)
        except (Hung, OSError):
            return

    def _next(self) -> bytes:
        header = bytearray(HEADER.size)
        self._receive(memoryview(header)[:1], patience=None if self._session.launched else self._limits.idle)
        deadline = time.monotonic() + self._limits.request
        self._receive(memoryview(header)[1:], deadline=deadline)
        operation, size = parse_header(header)
        if size <= _LARGE:
            payload = memoryview(bytearray(size))
            self._receive(payload, deadline=deadline)
            return self._session.answer(operation, payload)
        with self._space.lend(size, patience=self._limits.request) as payload:
            self._receive(payload, deadline=time.monotonic() + self._limits.request)
            return self._session.answer(operation, payload)

    def _receive(self, into: memoryview, *, deadline: float | None = None, patience: float | None = None) -> None:
        while into:
            if deadline is not None:
                patience = min(self._limits.pause, deadline - time.monotonic())
                if patience <= 0:
                    raise Hung
            self._stream.settimeout(patience)
            count = self._stream.recv_into(into)
            if not count:
                raise Hung
            into = into[count:]

    def _send(self, answer: bytes) -> None:
        self._stream.settimeout(self._limits.pause)
        self._stream.sendall(answer)

    def _refuse(self, error: PlatformRejected) -> None:
        """Say why, and let the guest read it although it may still be sending."""
        try:
            self._send(refusal(error))
            self._stream.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + self._limits.pause
            rest = bytearray(_LARGE)
            while (left := deadline - time.monotonic()) > 0:
                self._stream.settimeout(left)
                if not self._stream.recv_into(rest):
                    return
        except OSError:
            return
