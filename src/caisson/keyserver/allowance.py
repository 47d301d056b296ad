"""How many challenges a client may leave unused: whoever takes more keeps nobody else out."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from caisson.errors import TooMany
from caisson.web import Network

MOST_UNUSED = 256
PERIOD_SECONDS = 900
MOST_CLIENTS = 16_384
# A guest whose first challenge became stale while it was not ready yet has asked for a second one.
_OF_ONE_START = 2


class Allowance:
    """Lets each client leave `most` challenges unused in a row, and as many again in each quarter of an hour.

    Unused is what led to no activation, whether nobody answered it or the answer was refused. The account is this
    process's own, and in memory: of `most_clients` clients, those that asked last.
    """

    def __init__(
        self,
        most: int = MOST_UNUSED,
        *,
        most_clients: int = MOST_CLIENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._most_clients = most_clients
        self._clock = clock
        self._lock = threading.Lock()
        self._unused: OrderedDict[Network | None, tuple[float, float]] = OrderedDict()

    def take(self, client: Network | None) -> None:
        """Let a client have a challenge.

        Raises:
            TooMany: it left too many unused.
        """
        with self._lock:
            now = self._clock()
            unused = self._of(client, now)
            over = unused + 1 - self._most
            self._set(client, unused if over > 0 else unused + 1, now)
        if over > 0:
            wait = math.ceil(over * PERIOD_SECONDS / self._most)
            raise TooMany(
                f"{self._most} challenges were given to this client's address and left unused",
                hint=f"try again in {wait} seconds; many guests behind one address need `--per-client` or "
                "`--trusted-proxy` on the key server",
                after=wait,
            )

    def give_back(self, client: Network | None) -> None:
        """Give a client back what an activation took."""
        with self._lock:
            now = self._clock()
            self._set(client, self._of(client, now) - _OF_ONE_START, now)

    def _of(self, client: Network | None, now: float) -> float:
        unused, when = self._unused.get(client, (0.0, now))
        return max(0.0, unused - (now - when) * self._most / PERIOD_SECONDS)

    def _set(self, client: Network | None, unused: float, now: float) -> None:
        self._unused[client] = unused, now
        self._unused.move_to_end(client)
        while len(self._unused) > self._most_clients:
            self._unused.popitem(last=False)
