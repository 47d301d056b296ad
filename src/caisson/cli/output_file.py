"""A file that a command writes piece by piece: it appears whole, or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from caisson.cli.files import ELSEWHERE
from caisson.errors import UsageError


@contextmanager
def output_file(path: Path, *, mode: int, force: bool) -> Iterator[BinaryIO]:
    """Open a file to write and read; it gets its name only when the block ends without an error.

    Raises:
        UsageError: there is a file of that name and `force` is not set, or it cannot be written.
    """
    if path.exists() and not force:
        raise UsageError(f"`{path}` exists", hint="use `--force` to overwrite it")
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if force:
                unfinished.replace(path)
            else:
                path.hardlink_to(unfinished)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as cause:
        raise UsageError(f"cannot write `{path}`: {cause.strerror}", hint=ELSEWHERE) from cause
