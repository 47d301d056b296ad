"""What the targets of evidence share: a software platform that signs anything, and real evidence.

Behind a signature parsers are reached only by what is signed: targets sign mutants with the platform's own keys.
Real evidence is read from `CAISSON_VECTORS` when fuzzing starts, and never becomes part of the project.
"""

import base64
import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from caisson.errors import CaissonError
from caisson.platform import SoftwarePlatform
from tests.unit.evidence.conftest import NOW, Scene, signing_key
from tests.unit.evidence.domains import DomainScene, domain
from tests.unit.evidence.pcks import pck
from tests.unit.evidence.snp.conftest import Maker

REAL = Path(os.environ.get("CAISSON_VECTORS", Path(__file__).parents[3] / "shared" / "vectors")) / "evidence"
MOST_BYTES = 1 << 16
ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")

PLATFORM = SoftwarePlatform.create(now=NOW, signing_key=signing_key())
SCENE = Scene.of(PLATFORM)
DOMAIN = DomainScene.on(PLATFORM, domain())
AMD = Maker()
PCK = pck(components=5, pce_svn=5)


def each(*readers: Callable[[], object]) -> None:
    """Ask all readers: that one refuses must not keep the next from being tried."""
    for read in readers:
        with contextlib.suppress(CaissonError):
            read()


def real(*patterns: str) -> Iterator[bytes]:
    """Give real files by pattern, those that are no larger than what is fuzzed."""
    for pattern in patterns:
        for path in sorted(REAL.glob(pattern)):
            if path.stat().st_size <= MOST_BYTES:
                yield path.read_bytes()


def real_collateral() -> Iterator[dict[str, str]]:
    """Give real bundles."""
    for path in sorted(REAL.glob("*/*/collateral*.json")):
        yield json.loads(path.read_bytes())


def ders(pem: bytes) -> Iterator[bytes]:
    """Give the certificates of a chain."""
    for block in pem.split(b"-----BEGIN CERTIFICATE-----")[1:]:
        yield base64.b64decode(block.partition(b"-----END")[0])


def certificates() -> Iterable[bytes]:
    """Give certificates in DER: the platform's, and those in real chains."""
    yield from ders(PLATFORM.provisioning.pck_chain.encode())
    yield from ders(PLATFORM.provisioning.signer_chain.encode())
    for quote in real("*/*/quote.bin"):
        if (start := quote.find(b"-----BEGIN")) >= 0:
            with contextlib.suppress(ValueError):
                yield from ders(quote[start:].rstrip(b"\0"))


def signed(body: bytes) -> bytes:
    """Give a certificate or revocation list in DER that the platform's PCK authority signed, whatever its body is."""
    key = PLATFORM.provisioning.pck_ca.key
    signature = b"\0" + key.sign(body, ECDSA(SHA256()))
    return tlv(0x30, body + ECDSA_WITH_SHA256 + tlv(0x03, signature))


def body_of(der: bytes) -> bytes:
    """Give what is signed in a certificate or a revocation list."""
    inner = der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :]
    size, head = inner[1], 2
    if size & 0x80:
        head += size & 0x7F
        size = int.from_bytes(inner[2:head], "big")
    return inner[: head + size]


def tlv(tag: int, content: bytes) -> bytes:
    """Give a DER element."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
