"""Paths that every platform's notation of mounts takes as paths, and as nothing else."""

import re

# No sign that separates one option of a mount from the next.
_PATH = re.compile(r"/[^\0-\x1f,:\"]*")


def is_mountable(path: str) -> bool:
    """Tell whether a path is absolute, and holds no comma, colon, quote or control character."""
    return _PATH.fullmatch(path) is not None
