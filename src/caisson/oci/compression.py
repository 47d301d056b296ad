"""Gzip, written in one way: the same bytes in give the same bytes out (ADR 3)."""

from collections.abc import Iterable, Iterator
from typing import Protocol, cast

from isal import isal_zlib

from caisson.errors import ImageRejected
from caisson.oci.limits import DEFAULT, Limits

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_GZIP_WRAPPER = 31
_HEADER = bytes.fromhex("1f8b08000000000000ff")
_LEVEL = 2
_BLOCK = 1 << 18
_OUTPUT = 1 << 20
_BROKEN = (cast("type[Exception]", isal_zlib.IsalError), ValueError)


class _Inflater(Protocol):
    eof: bool
    unused_data: bytes
    unconsumed_tail: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def compress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Compress a stream into one gzip member without name and time.

    igzip's output depends on how its input is cut, so it is cut anew into blocks of one size. Levels up to 2
    give the same bytes on every x86-64 CPU since SSE4.2; level 3 does not.
    """
    compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
    checksum, size = 0, 0
    yield _HEADER
    for block in blocks(chunks, _BLOCK):
        checksum = isal_zlib.crc32(block, checksum)
        size += len(block)
        yield compressor.compress(block)
    yield compressor.flush()
    yield checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")


def decompress(chunks: Iterable[bytes], *, limits: Limits = DEFAULT) -> Iterator[bytes]:
    """Decompress gzip, one member or several, checking each checksum.

    Raises:
        ImageRejected: not gzip, cut off, followed by other bytes, or a decompression bomb.
    """
    inner: _Inflater | None = None
    read, written = 0, 0
    for chunk in chunks:
        read += len(chunk)
        pending = chunk
        while pending:
            if inner is None:
                inner = isal_zlib.decompressobj(_GZIP_WRAPPER)
            for piece in _inflate(inner, pending):
                written += len(piece)
                _refuse_bomb(read, written, limits)
                yield piece
            pending = b""
            if inner.eof:
                pending, inner = inner.unused_data, None
    if inner is not None or read == 0:
        raise ImageRejected("gzip stream ends early")


def _inflate(inner: _Inflater, data: bytes) -> Iterator[bytes]:
    """Give all that `data` unpacks to, in bounded pieces: output may be left when the input is used up."""
    pending = data
    while True:
        try:
            piece = inner.decompress(pending, _OUTPUT)
        except _BROKEN as cause:
            raise ImageRejected("layer is not well-formed gzip") from cause
        if piece:
            yield piece
        pending = inner.unconsumed_tail
        if inner.eof or not (pending or piece):
            return


def blocks(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Cut a stream anew into blocks of `size` bytes; the last may be shorter."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        start = 0
        while len(buffer) - start >= size:
            yield bytes(buffer[start : start + size])
            start += size
        del buffer[:start]
    if buffer:
        yield bytes(buffer)


def _refuse_bomb(read: int, written: int, limits: Limits) -> None:
    if written > limits.layer_size:
        raise ImageRejected(f"layer unpacks to more than {limits.layer_size} bytes")
    if written > limits.ratio_from and written > read * limits.ratio:
        raise ImageRejected(f"layer is a decompression bomb: {read} bytes become more than {written}")
