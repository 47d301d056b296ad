"""Gzip, written in one way: the same bytes in give the same bytes out (ADR 3)."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from isal import isal_zlib

_HEADER = bytes.fromhex("1f8b08000000000000ff")
_LAST_BLOCK = b"\x03\x00"  # an empty one (RFC 1951, 3.2.6)
_LEVEL = 2
_BLOCK = 1 << 19
_WINDOW = 1 << 15


def compress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Compress a stream into one gzip member without name and time, on all cores.

    The output depends on how the input is cut, so it is cut anew into blocks of one size; each may refer back to
    the one before it, and ends on a byte's border. Levels up to 2 give the same bytes on every x86-64 CPU since
    SSE4.2; level 3 does not.
    """
    checksum, size = 0, 0
    yield _HEADER
    for block, packed in _in_parallel(blocks(chunks, _BLOCK)):
        checksum = isal_zlib.crc32(block, checksum)
        size += len(block)
        yield packed
    yield _LAST_BLOCK + checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")


def _in_parallel(plain: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Give each block and what became of it, in order; no more blocks are held than keep the cores busy."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[bytes, Future[bytes]]] = deque()
        window = b""
        for block in plain:
            waiting.append((block, pool.submit(_deflate, block, window)))
            window = block[-_WINDOW:]
            if len(waiting) > 2 * workers:
                done, packed = waiting.popleft()
                yield done, packed.result()
        for done, packed in waiting:
            yield done, packed.result()


def _deflate(block: bytes, window: bytes) -> bytes:
    compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS, zdict=window)
    return compressor.compress(block) + compressor.flush(isal_zlib.Z_SYNC_FLUSH)


def blocks(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Cut a stream anew into blocks of `size` bytes; the last may be shorter."""
    buffer = bytearray()
    for chunk in chunks:
        if not buffer and len(chunk) == size:
            yield chunk
            continue
        buffer += chunk
        start = 0
        while len(buffer) - start >= size:
            yield bytes(buffer[start : start + size])
            start += size
        del buffer[:start]
    if buffer:
        yield bytes(buffer)
