"""What a container writes, as the Docker engine passes it on."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FRAME = struct.Struct(">BxxxI")
STDOUT, STDERR = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some of what a container has written, and the number of the stream: 1 is standard output, 2 standard error."""

    stream: int
    text: bytes


def pieces(chunks: Iterable[bytes]) -> Iterator[Piece]:
    """Take Docker's log frames apart: stream (u8), three zero bytes, length (u32, big-endian), text.

    A frame that does not come to its end is given as far as it came.
    """
    pending = b""
    for chunk in chunks:
        pending += chunk
        while len(pending) >= _FRAME.size:
            stream, size = _FRAME.unpack_from(pending)
            end = _FRAME.size + size
            if len(pending) < end:
                break
            yield Piece(stream=stream, text=pending[_FRAME.size : end])
            pending = pending[end:]
    if len(pending) > _FRAME.size:
        yield Piece(stream=pending[0], text=pending[_FRAME.size :])
