"""The words after which PostgreSQL and MySQL (MariaDB too) go on in TLS, on their usual port.

Sources: PostgreSQL documentation, "Message Formats" (SSLRequest); MySQL protocol, HandshakeV10 and SSLRequest.
"""

import socket
import struct
from enum import StrEnum

from caisson.errors import Unavailable

_POSTGRES_REQUEST = struct.pack(">II", 8, 80877103)
_MYSQL_VERSION = 10
_MYSQL_ERROR = 0xFF
# CLIENT_PROTOCOL_41, CLIENT_SSL and CLIENT_SECURE_CONNECTION.
_MYSQL_CAPABILITIES = 0x200 | 0x800 | 0x8000
_MYSQL_SSL = 0x800
_MYSQL_LARGEST = 1 << 24
_MYSQL_UTF8 = 45
_MOST_GREETING = 4096
# Between the server's version, which ends in NUL, and its capabilities: thread id, half of a salt, a filler.
_MYSQL_SKIPPED = 4 + 8 + 1


class StartTls(StrEnum):
    """How TLS is asked for; `NONE` is a port that speaks nothing else."""

    NONE = "none"
    POSTGRES = "postgres"
    MYSQL = "mysql"

    @classmethod
    def of_port(cls, port: int) -> "StartTls":
        """Give what is usual on a port."""
        return {5432: cls.POSTGRES, 3306: cls.MYSQL}.get(port, cls.NONE)

    def ask(self, stream: socket.socket) -> None:
        """Ask for TLS; the next bytes in both directions are those of the handshake.

        Not a byte more than the server's consent is read, so that nothing said in the clear counts as said in TLS.

        Raises:
            Unavailable: the server does not want to, or speaks something else.
            OSError: it does not speak at all.
        """
        if self is StartTls.POSTGRES:
            _ask_postgres(stream)
        elif self is StartTls.MYSQL:
            _ask_mysql(stream)


def _ask_postgres(stream: socket.socket) -> None:
    stream.sendall(_POSTGRES_REQUEST)
    answer = _exactly(stream, 1)
    if answer == b"N":
        raise Unavailable("the PostgreSQL server has no TLS", hint="set `ssl = on` there")
    if answer != b"S":
        raise Unavailable("the server does not speak PostgreSQL's protocol")


def _ask_mysql(stream: socket.socket) -> None:
    size = int.from_bytes(_exactly(stream, 3), "little")
    sequence = _exactly(stream, 1)[0]
    if not 1 < size <= _MOST_GREETING:
        raise Unavailable("the server does not speak MySQL's protocol")
    greeting = _exactly(stream, size)
    if greeting[0] == _MYSQL_ERROR:
        raise Unavailable(f"the MySQL server refuses: {greeting[3:].decode(errors='replace')[:200]!r}")
    _version, end, rest = greeting[1:].partition(b"\0")
    capabilities = int.from_bytes(rest[_MYSQL_SKIPPED : _MYSQL_SKIPPED + 2], "little")
    if greeting[0] != _MYSQL_VERSION or not end or len(rest) < _MYSQL_SKIPPED + 2:
        raise Unavailable("the server does not speak MySQL's protocol")
    if not capabilities & _MYSQL_SSL:
        raise Unavailable("the MySQL server has no TLS", hint="give it a certificate: `ssl_cert` and `ssl_key`")
    request = struct.pack("<IIB23x", _MYSQL_CAPABILITIES, _MYSQL_LARGEST, _MYSQL_UTF8)
    stream.sendall(len(request).to_bytes(3, "little") + bytes([(sequence + 1) % 256]) + request)


def _exactly(stream: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        piece = stream.recv(size - len(got))
        if not piece:
            raise ConnectionResetError("the server hung up")
        got += piece
    return got
