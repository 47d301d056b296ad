"""Intel's aesmd and the files that configure quoting, looked at where Gramine and the quote provider look."""

import socket
import stat
from pathlib import Path

from caisson.doctor import aesm
from caisson.doctor.quote_provider import parse_aesmd_configuration, parse_quote_provider
from caisson.doctor.readings import Aesmd, AesmdConfiguration, QuoteProvider, Unread
from caisson.errors import Malformed

ABSTRACT = "sgx_aesm_socket_base"
_SOCKET = "aesm.socket"
_PATIENCE = 15.0
_MOST_BYTES = 64 * 1024


def ask_aesmd(directory: Path, *, patience: float = _PATIENCE) -> Aesmd:
    """Connect, and ask what Gramine asks first: the abstract socket, and then the one in `directory`."""
    path = directory / _SOCKET
    refusals = []
    for name, address in ((f"@{ABSTRACT}", f"\0{ABSTRACT}"), (str(path), str(path))):
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(patience)
                connection.connect(address)
                return _ask(connection, name)
        except OSError as error:
            refusals.append(f"`{name}`: {_words(error).lower()}")
    return Aesmd(socket=None, error=None, refusal="; ".join(refusals))


def read_aesmd_configuration(path: Path) -> AesmdConfiguration | Unread:
    """Read `aesmd.conf`."""
    text = _text(path)
    return text if isinstance(text, Unread) else parse_aesmd_configuration(str(path), text)


def read_quote_provider(path: Path) -> QuoteProvider | Unread:
    """Read `sgx_default_qcnl.conf`; that it is not there is a problem of its own."""
    if not path.exists():
        return QuoteProvider(path=str(path), problem="it is not there")
    text = _text(path)
    return text if isinstance(text, Unread) else parse_quote_provider(str(path), text)


def _ask(connection: socket.socket, name: str) -> Aesmd:
    try:
        connection.sendall(aesm.question())
        size = aesm.size(_receive(connection, aesm.PREFIX.size))
        return Aesmd(socket=name, error=aesm.answer(_receive(connection, size)))
    except (OSError, Malformed) as error:
        return Aesmd(socket=name, error=None, refusal=_words(error))


def _receive(connection: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise Malformed("it ended the connection")
        received += part
    return bytes(received)


def _words(error: OSError | Malformed) -> str:
    return error.message if isinstance(error, Malformed) else error.strerror or str(error)


def _text(path: Path) -> str | Unread:
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(path.stat().st_mode):
                return Unread(unread=f"`{path}` is no file")
            return file.read(_MOST_BYTES).decode(errors="replace")
    except OSError as error:
        return Unread(unread=f"`{path}`: {(error.strerror or str(error)).lower()}")
