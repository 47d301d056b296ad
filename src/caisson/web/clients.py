"""Who counts as one client, and that no client takes all connections."""

import socket
from collections import Counter
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Network = IPv4Network | IPv6Network

_ONE_HOLDER = 64  # bits: whoever has one IPv6 address has, as a rule, all that begin like it (RFC 6177)
_MAPPED = 96


def one_client(host: str) -> Network | None:
    """Give the addresses that count as one client: an IPv4 address alone, an IPv6 address with its /64.

    All that is no address is `None`, one client together.
    """
    address = _address(host)
    return None if address is None else ip_network((address, min(_ONE_HOLDER, address.max_prefixlen)), strict=False)


def as_seen(network: Network) -> tuple[str, ...]:
    """Spell a network as listeners of either family see its addresses (RFC 4291, 2.5.5.2)."""
    if isinstance(network, IPv6Network):
        return (str(network),)
    return str(network), f"::ffff:{network.network_address}/{_MAPPED + network.prefixlen}"


class Listener(socket.socket):
    """A listening socket that gives out at most `most` connections at a time, and at most `share` to one client.

    One more is closed at once: a TLS handshake that never ends takes 300 KB, and one of about a thousand files that a
    process may have open. Each of the `proxies` brings many clients, and has no share of its own.
    """

    def __init__(self, listener: socket.socket, *, most: int, share: int, proxies: tuple[Network, ...]) -> None:
        super().__init__(fileno=listener.detach())
        self._most = most
        self._share = share
        self._proxies = proxies
        self._open: Counter[Network | None] = Counter()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection.

        Raises:
            ConnectionAbortedError: it was one too many.
        """
        connection, place = super().accept()
        client = one_client(place[0])
        share = self._most if self._is_proxy(place[0]) else self._share
        if self._open[client] >= share or self._open.total() >= self._most:
            connection.close()
            raise ConnectionAbortedError
        self._open[client] += 1
        return _Accepted(connection, partial(self._ended, client)), place

    def _is_proxy(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in proxy for proxy in self._proxies)

    def _ended(self, client: Network | None) -> None:
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]


class _Accepted(socket.socket):
    """A connection that says when it ends."""

    def __init__(self, connection: socket.socket, ended: Callable[[], None]) -> None:
        super().__init__(fileno=connection.detach())
        self._ended = ended

    def close(self) -> None:
        """Close it, and say so the first time."""
        if self.fileno() >= 0:
            self._ended()
        super().close()


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
