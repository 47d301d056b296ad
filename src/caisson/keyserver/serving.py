"""Serving over TLS 1.3, with a certificate of the server's own authority, or one that it was given."""

import asyncio
import contextlib
import ipaddress
import re
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from starlette.applications import Starlette

from caisson.addresses import unbracketed
from caisson.errors import Unavailable, UsageError
from caisson.keyserver.activation import Activations
from caisson.keyserver.ca import DNS_NAME, SubjectNames
from caisson.keyserver.http import build_app
from caisson.keyserver.server import KeyServer
from caisson.web import Network, serve_application

_LIFETIME = timedelta(days=7)
_RENEWAL = timedelta(days=1)
_PORT = re.compile(r"[0-9]{1,5}")
_MOST_PORT = 0xFFFF
_CONNECTIONS_SHARE = 128


def _context() -> ssl.SSLContext:
    """Make a context for TLS 1.3 only, without session tickets: each connection sees the certificate of its time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    return context


class ServerTls:
    """A TLS context whose certificate, of the server's own authority, can be renewed while connections are served."""

    def __init__(self, server: KeyServer, names: SubjectNames) -> None:
        self._server = server
        self._names = names
        self.context = _context()
        self.renew()

    def renew(self) -> None:
        """Make a new key and certificate for the connections that begin from now on."""
        server, key = self._server, generate_private_key(SECP256R1())
        leaf = server.ca.issue_server(
            self._names,
            public_key=key.public_key(),
            at=datetime.fromtimestamp(server.now(), UTC),
            lifetime=_LIFETIME,
        )
        # `ssl` loads keys from files only: this one is encrypted under a password that is never written.
        password = generate_private_key(SECP256R1()).private_numbers().private_value.to_bytes(32, "big").hex()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
        with tempfile.NamedTemporaryFile() as file:
            file.write(pem + leaf.public_bytes(Encoding.PEM) + server.face.ca_pem.encode())
            file.flush()
            self.context.load_cert_chain(file.name, password=password)


class GivenTls:
    """A TLS context whose certificate somebody else renews, such as an enclave's, which carries evidence.

    Raises:
        UsageError: the files hold no certificate and its key.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self.context = _context()
        self.renew()

    def renew(self) -> None:
        """Read the files again, for the connections that begin from now on."""
        try:
            self.context.load_cert_chain(*self._files)
        except OSError as cause:
            raise UsageError(
                f"`{self._files[0]}` and `{self._files[1]}` are no certificate and its key",
                hint="are both in PEM form, and do they belong together?",
            ) from cause


def serve(
    activations: Activations,
    *,
    listener: socket.socket,
    tls: ServerTls | GivenTls,
    ready: Callable[[], None],
    dev: bool = False,
    proxies: tuple[Network, ...] = (),
) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT; `ready` is called when requests are answered.

    `proxies` are believed for whom they ask.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        renewal = asyncio.create_task(_renew_for_ever(tls))
        ready()
        yield
        renewal.cancel()

    application = build_app(activations, dev=dev, lifespan=lifespan)
    serve_application(application, listener=listener, tls=tls.context, share=_CONNECTIONS_SHARE, proxies=proxies)
    activations.server.store.close()


def listen(address: str) -> socket.socket:
    """Listen on `HOST:PORT`; port 0 takes a free one.

    Raises:
        UsageError: not such an address.
        Unavailable: the address is taken, or not of this machine.
    """
    host, separator, port = address.rpartition(":")
    if not separator or not host or not _PORT.fullmatch(port) or int(port) > _MOST_PORT:
        raise UsageError(f"`{address}` is not an address", hint="give HOST:PORT, as in `127.0.0.1:8700`")
    try:
        family, kind, _, _, place = socket.getaddrinfo(unbracketed(host), int(port), type=socket.SOCK_STREAM)[0]
        return _listening(socket.socket(family, kind), place)
    except OSError as cause:
        raise Unavailable(f"cannot listen on `{address}`: {cause}", hint="choose another address") from cause


def subject_names(names: tuple[str, ...]) -> SubjectNames:
    """Sort names for a certificate into addresses and DNS names.

    Raises:
        UsageError: neither.
    """
    dns, ip = [], []
    for name in names:
        try:
            ip.append(ipaddress.ip_address(name))
        except ValueError:
            if not DNS_NAME.fullmatch(name):
                raise UsageError(f"`{name[:80]}` is neither an address nor a DNS name in lower case") from None
            dns.append(name)
    return SubjectNames(dns=tuple(dns), ip=tuple(ip))


def _listening(listener: socket.socket, place: tuple[object, ...]) -> socket.socket:
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. Without it the second packet of an answer waits for the first one's acknowledgement,
        # which the other side holds back for 40 ms (RFC 896, RFC 9293 3.8.6.3).
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(place)
        listener.listen()
    except BaseException:
        listener.close()
        raise
    return listener


async def _renew_for_ever(tls: ServerTls | GivenTls) -> None:
    while True:
        await asyncio.sleep(_RENEWAL.total_seconds())
        tls.renew()
