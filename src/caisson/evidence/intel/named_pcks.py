"""PCK chains for quotes that only name their PCK: whom strangers make us ask, how often, and what is remembered of it.

Collateral is asked for on behalf of a quote that carries all signatures up to a root. This one carries none that counts
before the chain is there: whoever reaches the service can make as many as they like, each of them with another name. So
questions are counted, of each client and of all together, and no answer to one is asked for twice in a minute.
"""

import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from caisson.errors import TooMany, Unavailable
from caisson.evidence.intel.certification import NAMED
from caisson.evidence.intel.pcs import QE_ID_SIZE
from caisson.sgx import PckIdentity, parse_quote

MOST_PER_MINUTE = 600
MOST_KEPT = 4 * MOST_PER_MINUTE
_MINUTE, _HOUR = 60.0, 3600.0
# A service that does not answer holds up so many callers, and the next ones not at all.
_AT_ONCE = 4
_SHARES = 4

_Name = tuple[bytes, PckIdentity]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    answer: bytes | Unavailable | None
    ends: float


class NamedPcks:
    """Gives PCK chains, and lets at most `per_minute` be asked for in a minute, a quarter of them for one client.

    `fetch` is `PcsClient.pck_chain`. Every answer, a no too, is remembered for a minute; a chain with which a quote was
    verified for an hour. The account is this process's own, and in memory.
    """

    def __init__(
        self,
        fetch: Callable[[bytes], bytes | None],
        *,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._most = per_minute
        self._share = max(1, per_minute // _SHARES)
        self._clock = clock
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        self._known: OrderedDict[_Name, _Known] = OrderedDict()
        self._asked: Counter[Hashable] = Counter()
        self._began = clock()

    def get(self, quote: bytes, *, client: Hashable, check: Callable[[], object]) -> bytes | None:
        """Give the chain of the PCK that a quote names; `None` for a quote that names none.

        `check` raises if the quote does not show even what can be seen without the chain.

        Raises:
            Malformed: not a quote, or the name is none.
            Rejected: what `check` raises.
            TooMany: too many were asked for, by this client or by all.
            Unavailable: the service does not answer, or does not know this PCK.
        """
        name = _name(quote)
        if name is None:
            return None
        check()
        known = self._recall(name)
        answer = self._ask(name, quote, client) if known is None else known.answer
        if isinstance(answer, Unavailable):
            raise Unavailable(answer.message, hint=answer.hint)
        return answer

    def keep(self, quote: bytes) -> None:
        """Say that a quote was verified with what was given for it."""
        name = _name(quote)
        if name is not None and (known := self._recall(name)) is not None:
            self._remember(name, known.answer, _HOUR)

    def _ask(self, name: _Name, quote: bytes, client: Hashable) -> bytes | Unavailable | None:
        if not self._places.acquire(blocking=False):
            raise TooMany("too many certificates of PCKs are being asked for", hint="try again in a second", after=1)
        try:
            self._count(client)
            answer: bytes | Unavailable | None
            try:
                answer = self._fetch(quote)
            except Unavailable as no:
                answer = no
            self._remember(name, answer, _MINUTE)
        finally:
            self._places.release()
        return answer

    def _count(self, client: Hashable) -> None:
        with self._lock:
            now = self._clock()
            if now - self._began >= _MINUTE:
                self._began = now
                self._asked.clear()
            if self._asked.total() < self._most and self._asked[client] < self._share:
                self._asked[client] += 1
                return
            wait = math.ceil(self._began + _MINUTE - now)
        raise TooMany(
            f"{self._most} certificates of PCKs a minute are asked for, {self._share} of them for one client",
            hint=f"try again in {wait} seconds; a quote that brings its PCK's certificate need not wait",
            after=wait,
        )

    def _recall(self, name: _Name) -> _Known | None:
        with self._lock:
            known = self._known.get(name)
            return known if known is not None and self._clock() < known.ends else None

    def _remember(self, name: _Name, answer: bytes | Unavailable | None, seconds: float) -> None:
        with self._lock:
            now = self._clock()
            # What has ended goes first, so that names nobody knows push out no chain that somebody needs.
            for each in [each for each, known in self._known.items() if known.ends <= now]:
                del self._known[each]
            self._known[name] = _Known(answer=answer, ends=now + seconds)
            self._known.move_to_end(name)
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)


def _name(quote: bytes) -> _Name | None:
    """Give all that a service is asked by."""
    parsed = parse_quote(quote)
    certification = parsed.signature.certification
    if certification.kind not in NAMED:
        return None
    identity = PckIdentity.parse(certification.kind, certification.data)
    return parsed.header.user_data[:QE_ID_SIZE], identity
