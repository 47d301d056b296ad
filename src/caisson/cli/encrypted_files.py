"""`caisson files`: Gramine's encrypted files, made, opened and looked at without Gramine."""

import os
from pathlib import Path
from typing import Any, BinaryIO

import click

from caisson.cli.files import PUBLIC, SECRET, force_option
from caisson.cli.output import emit, json_option
from caisson.cli.output_file import output_file
from caisson.enclave.protected_files import NODE, FileKey, Header, Reader, encrypt, normal_path
from caisson.errors import UsageError

_MOST_KEY = 17  # bytes: one more than a key has, to see that there are more

_key_option = click.option("--key", type=click.File("rb"), required=True, help="File with the key: 16 raw bytes.")
_in = click.argument("source", metavar="IN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_out = click.argument("target", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))


@click.group(epilog="\b\nExample:\n  caisson files decrypt --key data.key /srv/data/db.sqlite db.sqlite")
def command() -> None:
    """Encrypt, decrypt and inspect files in the format of Gramine's encrypted mounts."""


@command.command(
    name="encrypt",
    epilog="\b\nExample:\n  head -c 16 /dev/urandom > model.key\n"
    "  caisson files encrypt --key model.key --path /models/model.bin model.bin model.encrypted",
)
@_key_option
@click.option("--path", help="Path at which Gramine will open the file: the mount's URI, and below.  [default: OUT]")
@_in
@_out
@force_option
@json_option
def encrypt_command(*, key: BinaryIO, path: str | None, source: Path, target: Path, force: bool, as_json: bool) -> None:
    """Encrypt IN as OUT, bound to the path at which Gramine will open it."""
    bound = normal_path(str(target) if path is None else path)
    with _open(source) as plain, output_file(target, mode=PUBLIC, force=force) as encrypted:
        size = encrypt(plain, encrypted, _key(key), path=bound, random=os.urandom)
    emit({"path": bound, "size": size}, human=f"{size} bytes, for the path {bound}", as_json=as_json)


@command.command(
    name="decrypt", epilog="\b\nExample:\n  caisson files decrypt --key data.key /srv/data/db.sqlite db.sqlite"
)
@_key_option
@click.option("--path", help="Refuse a file that was written for another path.")
@_in
@_out
@force_option
@json_option
def decrypt_command(*, key: BinaryIO, path: str | None, source: Path, target: Path, force: bool, as_json: bool) -> None:
    """Decrypt IN to OUT, which is there only if all of IN is what was encrypted."""
    with _open(source) as encrypted:
        reader = Reader(encrypted, _key(key), path=path)
        with output_file(target, mode=SECRET, force=force) as plain:
            for block in reader.blocks():
                plain.write(block)
    human = f"{reader.size} bytes, written for the path {reader.path}"
    emit({"path": reader.path, "size": reader.size}, human=human, as_json=as_json)


@command.command(name="inspect", epilog="\b\nExample:\n  caisson files inspect --key data.key /srv/data/db.sqlite")
@click.option("--key", type=click.File("rb"), help="File with the key: then path, size and every block are checked.")
@_in
@json_option
def inspect_command(*, key: BinaryIO | None, source: Path, as_json: bool) -> None:
    """Say what can be seen of IN: without the key that is no more than the host sees."""
    with _open(source) as encrypted:
        header, _ = Header.parse(encrypted.read(NODE))
        nodes = source.stat().st_size // NODE
        data: dict[str, Any] = {"format": header.version, "nodes": nodes, "intact": None, "path": None, "size": None}
        if key is not None:
            reader = Reader(encrypted, _key(key))
            for _block in reader.blocks():
                pass
            data |= {"intact": True, "path": reader.path, "size": reader.size}
    rows = {"format": f"version {header.version}", "nodes": f"{nodes} of {NODE} bytes"}
    if data["intact"]:
        rows |= {
            "path": data["path"],
            "size": f"{data['size']} bytes",
            "intact": "yes, every block",
        }
    emit(data, human="\n".join(f"{name:<10} {value}" for name, value in rows.items()), as_json=as_json)


def _key(file: BinaryIO) -> FileKey:
    return FileKey(file.read(_MOST_KEY))


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as cause:
        raise UsageError(f"cannot read `{path}`: {cause.strerror}") from cause
