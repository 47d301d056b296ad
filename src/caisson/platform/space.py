"""Memory for large requests: for few of them at once, and some of it kept for the next ones."""

import contextlib
import mmap
import threading
from collections.abc import Iterator

from caisson.platform.wire import bad_request

# The guest agent and its manifest have 7 MB.
_KEPT_SIZE = 16 << 20
_MOST_KEPT = 2


class Space:
    """Lends memory to `most` requests at once.

    The pages of new memory cost more than the bytes that arrive in them, and cost nothing before. So requests of up to
    16 MiB take turns in buffers of that size, two of which are kept; that of a request that failed is not, because its
    error may still refer to it.
    """

    def __init__(self, most: int) -> None:
        self._turns = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._kept: list[mmap.mmap] = []

    @contextlib.contextmanager
    def lend(self, size: int, *, patience: float) -> Iterator[memoryview]:
        """Lend `size` bytes for the block. What is in them is an earlier request's, until they are filled.

        Raises:
            PlatformRejected: after `patience` seconds there is still no room.
        """
        if not self._turns.acquire(timeout=patience):
            raise bad_request("the platform is too busy; try again later")
        try:
            buffer = self._take(size)
            yield memoryview(buffer)[:size]
            self._keep(buffer)
        finally:
            self._turns.release()

    def _take(self, size: int) -> mmap.mmap:
        if size > _KEPT_SIZE:
            return mmap.mmap(-1, size)
        with self._lock:
            return self._kept.pop() if self._kept else mmap.mmap(-1, _KEPT_SIZE)

    def _keep(self, buffer: mmap.mmap) -> None:
        with self._lock:
            if len(buffer) == _KEPT_SIZE and len(self._kept) < _MOST_KEPT:
                self._kept.append(buffer)
