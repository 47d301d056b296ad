"""On which TCP addresses a program listens, as the host's kernel has it (proc(5): /proc/PID/net/tcp)."""

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

LISTEN = "0A"


def listeners(pid: int) -> set[tuple[str, int]]:
    """Give address and port of each socket on which the process or one that descends from it listens."""
    own = {link for process in _family(pid) for link in _sockets(process)}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, _, _, _, _, _, number, *_ = line.split()
            if state == LISTEN and f"socket:[{number}]" in own:
                address, _, port = local.partition(":")
                found.add((str(_address(address)), int(port, 16)))
    return found


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread ended in the meantime
            for child in children.read_text().split():
                yield from _family(int(child))


def _sockets(pid: int) -> Iterator[str]:
    with suppress(FileNotFoundError, ProcessLookupError):  # the process ended in the meantime
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed in the meantime
                yield str(descriptor.readlink())


def _address(words: str) -> IPv4Address | IPv6Address:
    """Read an address: groups of four bytes, each written as a number of a little-endian machine."""
    return ip_address(b"".join(bytes.fromhex(words[at : at + 8])[::-1] for at in range(0, len(words), 8)))
