"""A request to PHP itself, past NGINX: FastCGI 1.0 over the container's Unix socket, one connection for one request."""

import socket
import struct
from pathlib import Path

BEGIN, PARAMETERS, INPUT, OUTPUT = 1, 4, 5, 6
RESPONDER = struct.pack(">HB5x", 1, 0)

OK = b"Content-type: text/plain;charset=UTF-8\r\n\r\nok\n"
NOTHING = b"Status: 404 Not Found\r\nContent-type: text/html; charset=UTF-8\r\n\r\n"
NO_SUCH_FILE = NOTHING + b"No input file specified.\n"


def _record(kind: int, content: bytes = b"") -> bytes:
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def _pair(name: str, value: str) -> bytes:
    return struct.pack(">II", len(name) | 1 << 31, len(value) | 1 << 31) + name.encode() + value.encode()


def socket_of(pid: int) -> Path:
    """Give the place of PHP's socket as the host sees it; `pid` is a process of the container."""
    return Path("/proc", str(pid), "root", "tmp/php/socket")


def ask(pid: int, **parameters: str) -> bytes:
    """Give what PHP answers to a GET, headers first; `pid` is a process of its container."""
    parameters = {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1", **parameters}
    pairs = b"".join(_pair(name, value) for name, value in parameters.items())
    sent = (_record(BEGIN, RESPONDER), _record(PARAMETERS, pairs), _record(PARAMETERS), _record(INPUT))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(socket_of(pid)))
        connection.sendall(b"".join(sent))
        raw = b"".join(iter(lambda: connection.recv(65536), b""))
    answer = b""
    while raw:
        _, kind, _, length, padding = struct.unpack(">BBHHBx", raw[:8])
        answer += raw[8 : 8 + length] if kind == OUTPUT else b""
        raw = raw[8 + length + padding :]
    return answer
