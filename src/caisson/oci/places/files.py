"""Files that appear whole or not at all."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from caisson.errors import UsageError


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
        raise UsageError(f"`{path}` cannot be written: {cause.strerror}") from cause
    finally:
        beside.unlink(missing_ok=True)


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
