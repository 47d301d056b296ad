"""What tells one state of a file from another without reading it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from caisson.oci.region import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Which file it is, its size in bytes, and when its content or its inode last changed, in nanoseconds.

    The kernel sets the time of the inode, and no program can set it back (inode(7), "ctime").
    """

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """Take the stamp of a file; None if it is not there."""
        try:
            status = path.stat()
        except OSError:
            return None
        return cls(
            device=status.st_dev,
            inode=status.st_ino,
            size=status.st_size,
            modified=status.st_mtime_ns,
            changed=status.st_ctime_ns,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Bytes that were compared with their digest, and the stamp that their file had before that."""

    region: Region
    stamp: Stamp

    @property
    def holds(self) -> bool:
        """Whether the file has not changed since."""
        return Stamp.of(self.region.path) == self.stamp
