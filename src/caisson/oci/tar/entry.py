"""One member of an archive."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Self

from caisson.oci.region import Region


class Kind(Enum):
    """What a member is; the values are tar's type flags."""

    FILE = b"0"
    HARD_LINK = b"1"
    SYMBOLIC_LINK = b"2"
    CHARACTER_DEVICE = b"3"
    BLOCK_DEVICE = b"4"
    DIRECTORY = b"5"
    FIFO = b"6"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A member: `path` is relative, without `.` and `..` segments; the root itself is the empty string.

    `mode` holds the permission bits with set-uid, set-gid and sticky. `link` is the target of either kind of link;
    a hard link's is a path like `path`. `content` is where a file's bytes lie. `xattrs` go by their name.
    """

    path: str
    kind: Kind
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    link: str = ""
    content: Region | None = None
    size: int = 0
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(default_factory=dict, hash=False)

    def holding(self, content: Region) -> Self:
        """Give the same file with its bytes in another place."""
        return replace(self, content=content)
