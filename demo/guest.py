"""A guest that does what premain does up to its request, so that the request can be sent twice."""

import socket
import struct
import tempfile
from hashlib import sha512
from pathlib import Path

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caisson import oci
from caisson.conversion import MANIFEST, PREMAIN, SIGSTRUCT
from caisson.protocol import ActivationEvidence, Challenge, RuntimeData, ServerKeyHash

LAUNCH, EREPORT, QE_TARGET_INFO, QUOTE = 1, 2, 4, 5


def prove(image: str, *, platform: Path, server: httpx2.Client, workload: str) -> bytes:
    """Launch an image's enclave, answer a challenge, and give the body of `POST /v1/activations`."""
    with tempfile.TemporaryDirectory() as directory:
        files = oci.FileSystem.of(oci.source(oci.Reference.parse(image)).read(scratch=Path(directory)))
        premain, manifest, sigstruct = (_read(files, path) for path in (PREMAIN, MANIFEST, SIGSTRUCT))
    challenge = Challenge.parse(server.post("/v1/challenges", json={"version": 1}).content, pin=None)
    runtime_data = RuntimeData.build(
        nonce=challenge.nonce,
        workload=workload,
        hpke_public_key=_hpke_key(),
        tls_public_key=ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        server_key_hash=ServerKeyHash.of(challenge.server_key),
    )
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(platform))
        _ask(connection, LAUNCH, _sized(premain) + _sized(manifest) + sigstruct)
        target = _ask(connection, QE_TARGET_INFO, b"")
        report = _ask(connection, EREPORT, target + sha512(runtime_data.raw).digest())
        quote = _ask(connection, QUOTE, report)
    return ActivationEvidence(quote=quote, runtime_data=runtime_data.raw).encode()


def _read(files: oci.FileSystem, path: str) -> bytes:
    found = files.find(path)
    if found is None or found.content is None:
        raise SystemExit(f"error: the image has no file `{path}`")
    return found.content.read()


def _hpke_key() -> bytes:
    encapsulation = MLKEM768PrivateKey.generate().public_key().public_bytes_raw()
    return encapsulation + X25519PrivateKey.generate().public_key().public_bytes_raw()


def _sized(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content


def _ask(connection: socket.socket, operation: int, payload: bytes) -> bytes:
    """Speak docs/reference/platform-socket.md."""
    connection.sendall(struct.pack("<BI", operation, len(payload)) + payload)
    status, size = struct.unpack("<BI", _receive(connection, 5))
    answer = _receive(connection, size)
    if status:
        raise SystemExit(f"error: the platform says {answer.decode()}")
    return answer


def _receive(connection: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            raise SystemExit("error: the platform hung up")
        received += chunk
    return bytes(received)
