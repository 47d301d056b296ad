"""The program's own files that the cloud must not read: out of the image, encrypted, and back as one file per key.

Under each key there is one file in Gramine's format. In it is an archive, so that the host learns nothing of names,
modes and numbers. premain unpacks it into the enclave's memory (docs/adr/0011-encrypted-files.md).
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from caisson.conversion import places
from caisson.conversion.layer import AddedFile
from caisson.conversion.recipe import Recipe
from caisson.conversion.recipe_encrypted import EncryptedFile
from caisson.enclave.protected_files import FileKey, encrypt_repeatably
from caisson.errors import UsageError
from caisson.oci import FileSystem, Image, Region, Removal, fingerprint
from caisson.oci.tar import Kind, end

_EXECUTABLE = 0o111
_MODES = (0o444, 0o555)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encrypted:
    """What becomes of encrypted files: an image that never had them, and one file for each key."""

    image: Image
    files: tuple[AddedFile, ...]


def encrypt_files(image: Image, recipe: Recipe, keys: Mapping[str, FileKey], *, scratch: Path) -> Encrypted:
    """Encrypt what a recipe says, and take it out of every layer of the image. The same key gives the same bytes.

    Raises:
        UsageError: a key or a file is not there, or something is neither a file nor a directory.
        ImageRejected: the image has the same content at another place, in clear.
    """
    if not recipe.encrypted_file:
        return Encrypted(image=image, files=())
    if missing := sorted(recipe.file_keys.keys() - keys.keys()):
        raise UsageError(
            f"the recipe encrypts files under the key `{missing[0]}`, which is not given",
            hint=f"give it as `--file-key {missing[0]}=FILE`, or let a key server give it",
        )
    view = FileSystem.of(image)
    members = dict[str, list[AddedFile]]()
    for wanted in recipe.encrypted_file:
        found = _in_image(wanted, view) if wanted.origin is None else _beside(wanted, wanted.origin)
        members.setdefault(wanted.key, []).extend(found)
    contents = {
        fingerprint(file.content): file.path
        for files in members.values()
        for file in files
        if isinstance(file.content, Region)
    }
    removal = Removal(frozenset(file.path for file in recipe.encrypted_file), contents)
    return Encrypted(
        image=removal.of(image, scratch=scratch),
        files=tuple(_encrypted(name, files, keys[name], scratch) for name, files in sorted(members.items())),
    )


def without_plain(image: Image, recipe: Recipe, *, scratch: Path) -> Image:
    """Give a plain image as it is when its encrypted files are out of it; see `encrypt_files`."""
    paths = frozenset(file.path for file in recipe.encrypted_file)
    return Removal(paths).of(image, scratch=scratch) if paths else image


def _encrypted(name: str, files: list[AddedFile], key: FileKey, scratch: Path) -> AddedFile:
    ordered = sorted(files, key=lambda file: file.path)

    def archive() -> Iterator[bytes]:
        for file in ordered:
            yield from file.member(file.path.removeprefix("/"))
        yield end()

    path, target = f"{places.ENCRYPTED}/{name}", scratch / f"encrypted-{name}"
    with target.open("w+b") as file:
        encrypt_repeatably(archive, file, key, path=path)
    return AddedFile(path=path, mode=0o444, content=Region.of(target))


def _in_image(wanted: EncryptedFile, view: FileSystem) -> Iterator[AddedFile]:
    top = view.find(wanted.path)
    if top is None:
        raise UsageError(
            f"the image has no `{wanted.path}` to encrypt", hint="name a file beside the recipe with `from`"
        )
    if top.path != wanted.path:
        raise UsageError(f"`{wanted.path}` is `{top.path}`, behind a link", hint="name it by that path")
    for each in (top,) if not top.is_directory else view.walk(top.path):
        found = view.find(each.path) if each.entry.kind is Kind.SYMBOLIC_LINK else each
        if found is not None and found.content is not None:
            yield AddedFile(path=each.path, mode=found.entry.mode & 0o777, content=found.content)
        elif not each.is_directory:
            raise _neither(each.path)


def _beside(wanted: EncryptedFile, origin: Path) -> Iterator[AddedFile]:
    """Give files of the author's machine. Of their modes only one bit counts: the others are its umask's."""
    paths = sorted(origin.rglob("*")) if origin.is_dir() else [origin]
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            continue
        if not path.is_file() or not path.resolve().is_relative_to(origin.parent.resolve()):
            raise _neither(str(path))
        if not os.access(path, os.R_OK):
            raise UsageError(f"cannot read `{path}`")
        place = wanted.path if path == origin else f"{wanted.path}/{path.relative_to(origin)}"
        executable = bool(path.stat().st_mode & _EXECUTABLE)
        yield AddedFile(path=place, mode=_MODES[executable], content=Region.of(path))


def _neither(path: str) -> UsageError:
    return UsageError(
        f"`{path}` cannot be encrypted: it is neither a file nor a directory, or leads out",
        hint="put a file in its place",
    )
