"""Paths inside an archive."""

from collections.abc import Iterator

from caisson.errors import ImageRejected

_MAX_PATH = 4096


def clean(path: str) -> str:
    """Give a member's path without leading slash, empty and `.` segments, as every engine reads it.

    Raises:
        ImageRejected: it has `..` segments or a NUL, or is longer than Linux allows.
    """
    segments = [segment for segment in path.split("/") if segment not in {"", "."}]
    if ".." in segments or "\x00" in path:
        raise ImageRejected(f"path leaves the archive: {path[:200]!r}")
    if len(path) > _MAX_PATH:
        raise ImageRejected(f"path has more than {_MAX_PATH} characters: {path[:80]!r}…")
    return "/".join(segments)


def parents(path: str) -> Iterator[str]:
    """Give the directories above a clean path, from the top down, without the root."""
    position = path.find("/")
    while position >= 0:
        yield path[:position]
        position = path.find("/", position + 1)


def climbs_out(path: str, target: str) -> bool:
    """Tell whether a symbolic link at `path` names something above the root by its `..` segments."""
    depth = 0 if target.startswith("/") else path.count("/")
    for segment in target.split("/"):
        if segment == "..":
            depth -= 1
        elif segment not in {"", "."}:
            depth += 1
        if depth < 0:
            return True
    return False
