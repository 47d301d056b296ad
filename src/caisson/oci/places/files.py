"""Files that appear whole or not at all."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

from caisson.errors import UsageError
from caisson.oci.region import Region

_PLACE = "check the path, who may write there, and the space that is left"
# Everyone may read it, and nobody but its owner may write to it.
_RIGHTS, _READABLE = 0o466, 0o444


def write_whole(path: Path, chunks: Iterable[bytes], *, overwrite: bool) -> None:
    """Write a file under another name beside it, and rename it when it is complete.

    Raises:
        UsageError: it exists and `overwrite` is not set, or its directory does not exist.
    """
    if not overwrite:
        refuse_existing(path)
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory `{path.parent}`", hint="create it first")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with beside.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
        if overwrite:
            beside.replace(path)
        else:
            link_new(beside, path)
    except OSError as cause:
        raise UsageError(f"`{path}` cannot be written: {cause.strerror}", hint=_PLACE) from cause
    finally:
        beside.unlink(missing_ok=True)


def make_directory(path: Path) -> None:
    """Make a directory, and those above it, where they are missing.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise UsageError(f"`{path}` cannot be made: {cause.strerror}", hint=_PLACE) from cause


def share(region: Region, path: Path) -> bool:
    """Make a file with the bytes of a region, without reading them; tell whether that was possible.

    A whole file of ours that others may read and not write gets a second name: blobs are replaced, and never written
    to. Of any other the kernel makes a copy, which has its blocks in common where the file system can do that.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        status = region.path.stat()
        is_ours = status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & _RIGHTS == _READABLE
        if is_ours and status.st_size == region.size:
            with contextlib.suppress(OSError):  # another file system, or another owner
                os.link(region.path, beside)
                beside.replace(path)
                return True
        with region.path.open("rb", buffering=0) as source, beside.open("xb", buffering=0) as target:
            at, left = region.offset, region.size
            while left:
                copied = os.copy_file_range(source.fileno(), target.fileno(), left, offset_src=at)
                if not copied:
                    return False
                at, left = at + copied, left - copied
        beside.replace(path)
    except OSError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def link_new(old: Path, new: Path) -> None:
    """Give a file a second name, which must be new; this decides even between two writers at once."""
    try:
        os.link(old, new)
    except FileExistsError:
        refuse_existing(new)


def refuse_existing(path: Path) -> None:
    """Refuse a path where something is.

    Raises:
        UsageError: something is there.
    """
    if path.exists() or path.is_symlink():
        raise UsageError(f"`{path}` exists already", hint="add `--force` to overwrite it")
