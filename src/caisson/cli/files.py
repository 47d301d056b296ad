"""Files that commands write and read: nothing is overwritten by accident, and secrets are for their owner only."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from caisson.errors import Malformed, UsageError

PUBLIC = 0o644
SECRET = 0o600
MOST_BYTES = 256 * 1024 * 1024
READABLE = "check the path, and who may read it"
ELSEWHERE = "check the path, who may write there, and the space that is left"
WHOLE = "is it what you meant, and was it copied whole?"

force_option = click.option("--force", is_flag=True, help="Overwrite files that exist.")
passphrase_option = click.option(
    "--passphrase-file", type=click.File("rb"), help="File with the key's passphrase on its only line."
)


def write_new(path: Path, content: bytes, *, mode: int, force: bool) -> None:
    """Write a file whole or not at all; one that exists is replaced only if `force` is set.

    Raises:
        UsageError: the file exists, or cannot be written.
    """
    target = path.with_name(f".{path.name}.{secrets.token_hex(4)}") if force else path
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as cause:
        raise UsageError(f"`{path}` exists", hint="use `--force` to overwrite it") from cause
    except OSError as cause:
        raise UsageError(f"cannot write `{path}`: {cause.strerror}", hint=ELSEWHERE) from cause
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        target.replace(path)
    except OSError as cause:
        target.unlink(missing_ok=True)
        raise UsageError(f"cannot write `{path}`: {cause.strerror}", hint=ELSEWHERE) from cause


def read_bytes(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """Read a file, or standard input if the path is `-`.

    Raises:
        UsageError: it cannot be read, or has more than `most` bytes.
    """
    try:
        with click.open_file(str(path), "rb") as file:
            content: bytes = file.read(most + 1)
    except OSError as cause:
        raise UsageError(f"cannot read `{path}`: {cause.strerror}", hint=READABLE) from cause
    if len(content) > most:
        raise UsageError(f"`{path}` has more than {most} bytes", hint="is it the file that you meant?")
    return content


@contextmanager
def named(path: Path, *, hint: str | None = None) -> Iterator[None]:
    """Say which file it is whose bytes are not what they should be; `hint` is for errors that have none.

    Raises:
        Malformed: it was raised inside.
    """
    try:
        yield
    except Malformed as error:
        raise Malformed(f"`{path}`: {error.message}", hint=error.hint or hint) from error


def read_passphrase(file: BinaryIO | None) -> bytes | None:
    """Read the one line of a passphrase file; no file, no passphrase.

    Raises:
        UsageError: an empty file, or one with several lines.
    """
    if file is None:
        return None
    passphrase = file.read().removesuffix(b"\n").removesuffix(b"\r")
    if not passphrase or b"\n" in passphrase:
        raise UsageError(
            f"`{file.name}` does not hold a passphrase on its only line", hint="write it there, and nothing else"
        )
    return passphrase
