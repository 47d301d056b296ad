"""How much of a stranger's image is read before it counts as an attack."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from caisson.errors import ImageRejected, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on an image: its layers, their bytes together; and on each of them: bytes, entries, what one byte becomes.

    Bytes are counted packed and unpacked, to the same limit each.

    The ratio counts from `ratio_from` bytes on: small files of zeros are common, large ones are bombs.
    Deflate itself cannot exceed 1,032.
    """

    layers: int = 1_000
    size: int = 256 << 30
    layer_size: int = 32 << 30
    entries: int = 1_000_000
    ratio: int = 200
    ratio_from: int = 1 << 30


DEFAULT = Limits()


class Allowance:
    """A number of bytes that threads may use up together, in a number of seconds if there is one.

    `what` an image would do with more of them is for the message.
    """

    def __init__(
        self, size: int, *, what: str, seconds: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size, self._what, self._seconds, self._clock = size, what, seconds, clock
        self._until = None if seconds is None else clock() + seconds
        self._left = size
        self._lock = Lock()

    def spend(self, size: int = 0) -> None:
        """Take so many bytes off.

        Raises:
            ImageRejected: that was more than there were.
            Unavailable: the time is over.
        """
        with self._lock:
            self._left -= size
            over = self._left < 0
        if over:
            raise ImageRejected(f"image {self._what} more than {self._size} bytes")
        if self._until is not None and self._clock() > self._until:
            raise Unavailable(f"image takes longer than {self._seconds:g} seconds to read")
