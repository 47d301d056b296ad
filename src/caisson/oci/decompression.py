"""Gzip and Zstandard, unpacked in bounded pieces."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, cast

from isal import isal_zlib

from caisson.errors import ImageRejected
from caisson.oci.limits import DEFAULT, Limits

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_GZIP_WRAPPER = 31
_OUTPUT = 1 << 20
_MAX_WINDOW_LOG = 27  # 128 MiB, what `zstd` itself reads without being told to
_GZIP_BROKEN = (cast("type[Exception]", isal_zlib.IsalError), ValueError)


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Give all that `data` unpacks to."""


def decompress(chunks: Iterable[bytes], *, limits: Limits = DEFAULT) -> Iterator[bytes]:
    """Decompress gzip, one member or several, checking each checksum.

    Raises:
        ImageRejected: not gzip, cut off, followed by other bytes, or a decompression bomb.
    """
    return _decompress(chunks, _Gzip, "gzip", limits)


def decompress_zstd(chunks: Iterable[bytes], *, limits: Limits = DEFAULT) -> Iterator[bytes]:
    """Decompress Zstandard, one frame or several (RFC 8878).

    Raises:
        ImageRejected: not Zstandard, cut off, a window of more than 128 MiB, or a decompression bomb.
    """
    return _decompress(chunks, _Zstd, "zstd", limits)


def _decompress(chunks: Iterable[bytes], new: Callable[[], _Inflater], what: str, limits: Limits) -> Iterator[bytes]:
    inner: _Inflater | None = None
    read, written = 0, 0
    for chunk in chunks:
        read += len(chunk)
        pending = chunk
        while pending:
            if inner is None:
                inner = new()
            for piece in inner.pieces(pending):
                written += len(piece)
                _refuse_bomb(read, written, limits)
                yield piece
            pending = b""
            if inner.eof:
                pending, inner = inner.unused_data, None
    if inner is not None or read == 0:
        raise ImageRejected(f"{what} stream ends early")


class _Gzip:
    def __init__(self) -> None:
        self._inner = isal_zlib.decompressobj(_GZIP_WRAPPER)

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Output may be left when the input is used up."""
        while True:
            try:
                piece = self._inner.decompress(data, _OUTPUT)
            except _GZIP_BROKEN as cause:
                raise ImageRejected("layer is not well-formed gzip") from cause
            if piece:
                yield piece
            data = self._inner.unconsumed_tail
            if self._inner.eof or not (data or piece):
                return


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _MAX_WINDOW_LOG})

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = self._inner.decompress(data, _OUTPUT)
            except zstd.ZstdError as cause:
                raise ImageRejected("layer is not well-formed zstd") from cause
            if piece:
                yield piece
            data = b""
            if self._inner.eof or self._inner.needs_input:
                return


def _refuse_bomb(read: int, written: int, limits: Limits) -> None:
    if written > limits.layer_size:
        raise ImageRejected(f"layer unpacks to more than {limits.layer_size} bytes")
    if written > limits.ratio_from and written > read * limits.ratio:
        raise ImageRejected(f"layer is a decompression bomb: {read} bytes become more than {written}")
