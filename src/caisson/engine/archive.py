"""One file of a container, in the tar archive that the engine wraps it in (`GET /containers/NAME/archive`)."""

import io
import tarfile
from collections.abc import Iterable

_OVERHEAD = 20 * 512  # a header, padding, and the blocks at the end


def only_file(chunks: Iterable[bytes], *, largest: int) -> bytes | None:
    """Give the regular file that an archive begins with; nothing if it begins with something else, or a larger one.

    Raises:
        ValueError: it is no archive.
    """
    raw = b""
    for chunk in chunks:
        raw += chunk
        if len(raw) > largest + _OVERHEAD:
            return None
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            member = archive.next()
            if member is None or not member.isreg() or member.size > largest:
                return None
            file = archive.extractfile(member)
            return None if file is None else file.read()
    except tarfile.TarError as cause:
        raise ValueError("no tar archive") from cause
