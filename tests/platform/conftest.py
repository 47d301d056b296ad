"""A platform on real sockets, with the real loader."""

import socket
import struct
from datetime import UTC, datetime

import pytest

from caisson.enclave import NO_DATE, SigningKey, construction_log, secs_attributes, sign
from caisson.platform import Limits, Loader, PlatformServer, SoftwarePlatform, generate_signing_key
from caisson.platform.wire import HEADER, Operation, Status

MANIFEST = b"""
[sgx]
enclave_size = "64M"
max_threads = 2
edmm_enable = false
isvprodid = 7
isvsvn = 1
"""


def elf(size=0x20000):
    """A position-independent ELF file with one executable segment; with it, a LAUNCH counts as large."""
    header = struct.pack(
        "<4s5B7xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, 3, 62, 1, 0x1000, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 0x1000)
    return (header + segment).ljust(size, b"\x90")


class Guest:
    """What premain does: one connection, requests and answers."""

    def __init__(self, stream):
        self.stream = stream
        self.stream.settimeout(20)

    def send(self, operation, payload=b"", *, size=None):
        self.stream.sendall(HEADER.pack(operation, len(payload) if size is None else size) + payload)

    def receive(self):
        status, size = HEADER.unpack(self._exactly(HEADER.size))
        return Status(status), self._exactly(size)

    def ask(self, operation, payload=b""):
        self.send(operation, payload)
        return self.receive()

    def ended(self):
        """Wait for the other side to hang up; tell whether it did so without a word."""
        try:
            return self.stream.recv(1) == b""
        except ConnectionResetError:
            return True

    def _exactly(self, size):
        got = b""
        while len(got) < size:
            piece = self.stream.recv(size - len(got))
            assert piece, f"the platform hung up after {len(got)} of {size} bytes"
            got += piece
        return got


@pytest.fixture(scope="session")
def signing_key():
    return generate_signing_key()


@pytest.fixture(scope="session")
def platform(signing_key):
    return SoftwarePlatform.create(now=datetime.now(UTC), signing_key=signing_key)


@pytest.fixture(scope="session")
def loader():
    return Loader(construction_log=construction_log, secs_attributes=secs_attributes)


@pytest.fixture(scope="session")
def launch_request():
    pal = elf()
    raw = sign(pal, MANIFEST, SigningKey.generate(), date=NO_DATE).encode()
    return struct.pack("<I", len(pal)) + pal + struct.pack("<I", len(MANIFEST)) + MANIFEST + raw


@pytest.fixture
def serve(platform, loader, tmp_path):
    """Start a server with some limits; it is closed after the test."""
    servers = []

    def serve(**limits):
        server = PlatformServer(platform, loader, limits=Limits(**limits))
        servers.append(server)
        server.listen_unix(tmp_path / "platform.sock")
        return server

    yield serve
    for server in servers:
        server.close()


@pytest.fixture
def connect(tmp_path):
    """Connect a guest to the server of the test."""
    streams = []

    def connect(port=None):
        if port is None:
            stream = socket.socket(socket.AF_UNIX)
            stream.connect(str(tmp_path / "platform.sock"))
        else:
            stream = socket.create_connection(("127.0.0.1", port))
        streams.append(stream)
        return Guest(stream)

    yield connect
    for stream in streams:
        stream.close()


@pytest.fixture
def healthy(connect, launch_request):
    """Show that a well-behaved guest still gets everything it needs."""

    def healthy():
        guest = connect()
        for operation, payload in ((Operation.LAUNCH, launch_request), (Operation.QE_TARGET_INFO, b"")):
            status, answer = guest.ask(operation, payload)
            assert status is Status.SUCCESS, answer
        status, report = guest.ask(Operation.EREPORT, answer + bytes(64))
        assert status is Status.SUCCESS, report
        status, quote = guest.ask(Operation.QUOTE, report)
        assert status is Status.SUCCESS, quote
        guest.stream.close()

    return healthy
