"""`rootfs:` - a root file system, as a directory or a tar file: an image without a configuration."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from caisson.errors import ImageRejected, UsageError
from caisson.oci import tar
from caisson.oci.config import ImageConfig
from caisson.oci.image import Image
from caisson.oci.packed import PackedLayer
from caisson.oci.places.archive import unpacked
from caisson.oci.region import Region

_KINDS = {
    stat.S_IFREG: tar.Kind.FILE,
    stat.S_IFDIR: tar.Kind.DIRECTORY,
    stat.S_IFLNK: tar.Kind.SYMBOLIC_LINK,
    stat.S_IFCHR: tar.Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: tar.Kind.BLOCK_DEVICE,
    stat.S_IFIFO: tar.Kind.FIFO,
}
_HINT = "name a directory, or a tar file of one"
_XATTRS = ("security.capability", "user.")


@dataclass(frozen=True, slots=True)
class RootFs:
    """A directory or a tar file. A tar file becomes the layer as it is; a directory is written in one way."""

    path: Path

    def read(self, *, scratch: Path) -> Image:
        """Give an image of one layer; see `Source`.

        Of a directory, neither times nor its own place count; other file systems mounted in it are left out.
        """
        if self.path.is_dir():
            try:
                layer = PackedLayer.pack(_archive(self.path), scratch=scratch)
            except OSError as cause:
                raise UsageError(
                    f"`{self.path}` cannot be read: {cause}", hint="read it as the user that owns its files"
                ) from cause
        elif self.path.is_file():
            archive = unpacked(Region.of(self.path), scratch=scratch)
            _require_files(archive)
            layer = PackedLayer.start(archive, scratch=scratch)
        else:
            raise UsageError(f"there is no root file system `{self.path}`", hint=_HINT)
        return Image.build(ImageConfig(history=({"created_by": "rootfs"},)), (layer,))


def _require_files(archive: Region) -> None:
    """Refuse what does not begin as an archive with something in it; the rest is read with the layer."""
    try:
        first = next(tar.read_archive(archive), None)
    except ImageRejected as error:
        raise ImageRejected(error.message, hint=error.hint or _HINT) from error
    if first is None:
        raise ImageRejected("archive holds nothing", hint=_HINT)


def _archive(root: Path) -> Iterator[bytes]:
    names: dict[tuple[int, int], str] = {}
    for path, relative, status in _walk(root):
        kind = _KINDS[stat.S_IFMT(status.st_mode)]
        identity = (status.st_dev, status.st_ino)
        known = names.setdefault(identity, relative) if kind is not tar.Kind.DIRECTORY else relative
        if known != relative:
            yield tar.member(tar.Entry(path=relative, kind=tar.Kind.HARD_LINK, link=known))
            continue
        content = Region.of(path) if kind is tar.Kind.FILE else None
        size = 0 if content is None else content.size
        yield tar.member(
            tar.Entry(
                path=relative,
                kind=kind,
                mode=stat.S_IMODE(status.st_mode),
                uid=status.st_uid,
                gid=status.st_gid,
                link=str(path.readlink()) if kind is tar.Kind.SYMBOLIC_LINK else "",
                size=size,
                device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if status.st_rdev else (0, 0),
                xattrs=_xattrs(path),
            )
        )
        if content is not None:
            yield from content.chunks()
            yield tar.padding(size)
    yield tar.end()


def _walk(root: Path) -> Iterator[tuple[Path, str, os.stat_result]]:
    device = root.lstat().st_dev
    stack = [(root, "")]
    while stack:
        path, relative = stack.pop()
        status = path.lstat()
        if stat.S_ISSOCK(status.st_mode):
            continue
        yield path, relative, status
        if stat.S_ISDIR(status.st_mode) and status.st_dev == device:
            children = sorted(path.iterdir(), key=os.fsencode, reverse=True)
            stack += [(child, f"{relative}/{child.name}" if relative else child.name) for child in children]


def _xattrs(path: Path) -> dict[str, bytes]:
    names = os.listxattr(path, follow_symlinks=False)
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names if name.startswith(_XATTRS)}
