"""A limit on work: so much at once, and so much in a second. Beyond it, the answer is to come again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from caisson.errors import TooMany


class Gate:
    """Lets at most `at_once` callers in, and on average `per_second`, with bursts of as many as that."""

    def __init__(self, *, at_once: int, per_second: float, clock: Callable[[], float]) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._rate = per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._left = per_second
        self._when = clock()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Work inside.

        Raises:
            TooMany: there is no place, or there were too many in the last second.
        """
        if not self._take():
            raise TooMany("the verifier is asked too often", hint="try again in a second", after=1)
        if not self._places.acquire(blocking=False):
            raise TooMany("the verifier is busy", hint="try again in a second", after=1)
        try:
            yield
        finally:
            self._places.release()

    def _take(self) -> bool:
        with self._lock:
            now = self._clock()
            self._left = min(self._rate, self._left + max(0.0, now - self._when) * self._rate)
            self._when = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
