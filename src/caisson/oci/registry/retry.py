"""When a request is tried again, and how long to wait before."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

RETRIED = frozenset({408, 429, 500, 502, 503, 504})
"""Answers that say: not now. All requests that Caisson makes can be repeated without harm."""

_MAX_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Exponential back-off with jitter; what the registry asks for in `Retry-After` comes first. Times in seconds.

    `sleep` waits; `jitter` gives a number from 0 to 1, so that many clients do not come back at the same moment.
    A registry that wants a longer wait than `patience` is not waited for.
    """

    sleep: Callable[[float], None]
    jitter: Callable[[], float]
    attempts: int = 6
    first: float = 0.5
    longest: float = 20.0
    patience: float = 120.0

    def pause(self, failures: int, answer: httpx2.Response | None = None) -> bool:
        """Wait after the given number of failures, the latest with `answer`; False says to give up instead."""
        if failures >= self.attempts:
            return False
        wanted = retry_after(answer) if answer is not None else None
        if wanted is not None and wanted > self.patience:
            return False
        backoff = min(self.first * 2.0 ** (failures - 1), self.longest) * (0.5 + self.jitter() / 2)
        self.sleep(backoff if wanted is None else wanted)
        return True


def retry_after(answer: httpx2.Response) -> float | None:
    """Read `Retry-After`, seconds or a date (RFC 9110, 10.2.3); None if there is none that makes sense."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            return None
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
