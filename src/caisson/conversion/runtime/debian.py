"""Debian packages: the files in a `.deb`, read without dpkg and without running anything.

Source: deb(5) and deb-split(5) for the members, ar(5) for the archive around them.
"""

import lzma
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from caisson.errors import ImageRejected, UsageError
from caisson.oci import Image, ImageConfig, Limits, Reference, Region, append, source
from caisson.oci.decompression import decompress_zstd

_MAGIC = b"!<arch>\n"
_HEADER = 60
_TRAILER = b"`\n"
_NAME = re.compile(rb"([A-Za-z0-9._-]{1,15})/? *")
_SIZE = re.compile(rb"([0-9]{1,10}) *")
_VERSION = b"2.0\n"
_MAX_MEMBERS = 16
_MAX_UNPACKED = 4 << 30
_RATIO = 1000  # xz makes a run of zeros smaller than that, and no program
_RATIO_FROM = 64 << 20
_CHUNK = 1 << 20
_LIMITS = Limits(layer_size=_MAX_UNPACKED, ratio=_RATIO, ratio_from=_RATIO_FROM)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    name: str
    content: Region


def unpack(packages: Iterable[Path], *, scratch: Path) -> Image:
    """Give an image with one layer for each package: the files that it would install.

    The layers are read as those of any image are, with the same refusals.

    Raises:
        UsageError: there is no such file.
        ImageRejected: not a Debian package, or one that is not what it claims to be.
    """
    image = Image.build(ImageConfig(), ())
    for package in packages:
        if not package.is_file():
            raise UsageError(
                f"there is no file `{package}`" if not package.exists() else f"`{package}` is no file",
                hint="name Debian packages, or an installation with `--prefix`",
            )
        try:
            archive = _data(Region.of(package), scratch=scratch)
        except ImageRejected as error:
            raise ImageRejected(f"`{package.name}`: {error.message}", hint=error.hint) from error
        plain = source(Reference(transport="rootfs", location=str(archive))).read(scratch=scratch)
        image = append(image, plain.layers[0], created_by=package.name)
    return image


def _data(package: Region, *, scratch: Path) -> Path:
    """Unpack the archive of files into `scratch`; gzip is left to whoever reads it."""
    members = tuple(_members(package))
    if not members or members[0].name != "debian-binary" or members[0].content.read() != _VERSION:
        raise ImageRejected("it is no Debian package of format 2.0")
    found = [member for member in members if member.name.startswith("data.tar")]
    if len(found) != 1:
        raise ImageRejected(f"it has {len(found)} archives of files, not one")
    content = found[0].content
    match found[0].name:
        case "data.tar" | "data.tar.gz":
            chunks = content.chunks()
        case "data.tar.zst":
            chunks = decompress_zstd(content.chunks(), limits=_LIMITS)
        case "data.tar.xz":
            chunks = _unxz(content)
        case name:
            raise ImageRejected(
                f"`{name}` is compressed in a way that is not read", hint="repack it with xz, zstd or gzip"
            )
    unpacked = scratch / f"data-{package.digest().hex[:16]}.tar"
    with unpacked.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
    return unpacked


def _members(package: Region) -> Iterator[_Member]:
    if package.size < len(_MAGIC) or package.part(0, len(_MAGIC)).read() != _MAGIC:
        raise ImageRejected("it is no Debian package")
    at, names = len(_MAGIC), set[str]()
    while at < package.size:
        header = package.part(at, _HEADER).read()
        name, size = _NAME.fullmatch(header[:16]), _SIZE.fullmatch(header[48:58])
        if name is None or size is None or header[58:] != _TRAILER:
            raise ImageRejected(f"its member at byte {at} has no well-formed header")
        member = _Member(name=name[1].decode(), content=package.part(at + _HEADER, int(size[1])))
        if member.name in names or len(names) == _MAX_MEMBERS:
            raise ImageRejected(f"it has `{member.name}` twice, or too many members")
        names.add(member.name)
        yield member
        at += _HEADER + member.content.size + member.content.size % 2


def _unxz(packed: Region) -> Iterator[bytes]:
    inner = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 << 20)
    read = written = 0
    try:
        for chunk in packed.chunks():
            read += len(chunk)
            pending = chunk
            while pending or not (inner.needs_input or inner.eof):
                piece = inner.decompress(pending, _CHUNK)
                pending = b""
                written += len(piece)
                if written > _MAX_UNPACKED or (written > _RATIO_FROM and written > read * _RATIO):
                    raise ImageRejected(f"it is a decompression bomb: {read} bytes become more than {written}")
                yield piece
            if inner.eof and inner.unused_data:
                raise ImageRejected("bytes follow the end of its archive of files")
    except (lzma.LZMAError, EOFError) as cause:
        raise ImageRejected("its archive of files is not well-formed xz") from cause
    if not inner.eof:
        raise ImageRejected("its archive of files ends early")
