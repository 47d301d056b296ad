"""Streams of bytes that are checked, counted or stored on their way."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from caisson.errors import ImageRejected, Unavailable
from caisson.oci.digest import Digest
from caisson.oci.region import Region


def verified(chunks: Iterable[bytes], *, digest: Digest, size: int | None = None, what: str) -> Iterator[bytes]:
    """Pass a stream on, and refuse at its end what has another digest or size; a longer one is cut off at once.

    Raises:
        ImageRejected: the bytes are not the ones that were promised.
    """
    state, seen = sha256(), 0
    for chunk in chunks:
        seen += len(chunk)
        if size is not None and seen > size:
            raise ImageRejected(f"{what} is larger than the {size} bytes that its descriptor says")
        state.update(chunk)
        yield chunk
    if size is not None and seen != size:
        raise ImageRejected(f"{what} has {seen} bytes; its descriptor says {size}")
    if state.hexdigest() != digest.hex:
        raise ImageRejected(f"{what} has the digest {Digest(state.hexdigest())}, not {digest}")


def ahead(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass a stream on while another thread already makes its next piece."""
    pieces = iter(chunks)
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(next, pieces, None)
        while (chunk := coming.result()) is not None:
            coming = pool.submit(next, pieces, None)
            yield chunk


class Hashing:
    """Passes a stream on while another thread hashes it; `digest` and `size` are known at its end."""

    def __init__(self) -> None:
        self._state = sha256()
        self.size = 0

    def through(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the stream on. Hashing leaves Python's lock alone, so a second core does it meanwhile."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            hashed: Future[None] | None = None
            for chunk in chunks:
                if hashed is not None:
                    hashed.result()
                self.size += len(chunk)
                hashed = pool.submit(self._state.update, chunk)
                yield chunk
            if hashed is not None:
                hashed.result()

    @property
    def digest(self) -> Digest:
        """The digest of what went through."""
        return Digest(self._state.hexdigest())


def reserve(directory: Path) -> Path:
    """Make a new, empty file in `directory`."""
    handle, name = tempfile.mkstemp(dir=directory)
    os.close(handle)
    return Path(name)


def store(chunks: Iterable[bytes], directory: Path, *, path: Path | None = None) -> Region:
    """Write a stream into a new file of `directory`, or the reserved file `path`; one that breaks off leaves nothing.

    Raises:
        Unavailable: it cannot be written.
    """
    path = reserve(directory) if path is None else path
    try:
        with path.open("r+b", buffering=0) as file:
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    view = view[file.write(view) :]
        return Region.of(path)
    except OSError as cause:
        path.unlink(missing_ok=True)
        raise Unavailable(f"`{directory}` cannot be written: {cause.strerror}") from cause
    except BaseException:
        path.unlink(missing_ok=True)
        raise
