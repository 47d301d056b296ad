"""Encrypting so that the same key, path and content give the same bytes again, and nothing else does.

Each node of a file has a key of its own and the nonce zero: a node's key that served twice for different content would
give that content away. So all that is random elsewhere comes from a stream whose seed is a keyed hash of the path and
of the *whole* content, as in synthetic initialisation vectors (RFC 5297): another byte anywhere gives another stream.
What the host learns is whether two files of one path and one key are the same.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from caisson.enclave.protected_files.layout import FileKey
from caisson.enclave.protected_files.writer import Random, encrypt
from caisson.errors import UsageError

_LABEL = b"caisson: encrypted files, version 1"


def encrypt_repeatably(content: Callable[[], Iterable[bytes]], target: BinaryIO, key: FileKey, *, path: str) -> int:
    """Encrypt what `content` gives, which is read twice; give its size in bytes. See `encrypt`.

    Raises:
        UsageError: a path that cannot be, or content that changed in between; then nothing is left in `target`.
    """
    first = sha256()
    for piece in content():
        first.update(piece)
    source = _Hashed(iter(content()))
    size = encrypt(io.BufferedReader(source), target, key, path=path, random=_stream(key, path, first.digest()))
    if source.state.digest() != first.digest():
        target.seek(0)
        target.truncate(0)
        raise UsageError("files were changed while they were encrypted", hint="build again when nobody writes to them")
    return size


def _stream(key: FileKey, path: str, digest: bytes) -> Random:
    seed = key.seed(_LABEL + sha256(path.encode(errors="surrogatepass")).digest() + digest)
    encryptor = Cipher(AES(seed), CTR(bytes(16))).encryptor()
    return lambda size: encryptor.update(bytes(size))


class _Hashed(io.RawIOBase):
    """A stream out of pieces, hashed on its way."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")
        self.state = sha256()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read some bytes."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self.state.update(piece)
            self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
