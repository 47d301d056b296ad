"""Reading and writing tar files that hold images."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from caisson.errors import ImageRejected, UsageError
from caisson.oci import decompression, document, stream, tar
from caisson.oci.reference import file_meant
from caisson.oci.region import Region

ArchiveFile = tuple[str, int, Iterable[bytes]]
"""What is to be written: name, size, bytes."""

_WRITTEN = "is it an image as `docker save` or `skopeo copy` writes it, and was it copied whole?"


def open_archive(path: Path, *, scratch: Path) -> dict[str, Region]:
    """Give the files of an archive by name, links among them followed. It may be compressed with gzip.

    Raises:
        UsageError: there is no such file.
        ImageRejected: not an archive, or a name occurs twice.
    """
    if not path.is_file():
        raise UsageError(
            f"`{path}` is no file" if path.exists() else f"there is no file `{path}`",
            hint=file_meant(str(path)) or "check the path",
        )
    region = unpacked(Region.of(path), scratch=scratch)
    files: dict[str, Region] = {}
    links: dict[str, str] = {}
    for entry in _members(region):
        if entry.kind is tar.Kind.DIRECTORY:
            continue
        if entry.path in files or entry.path in links:
            raise ImageRejected(f"archive has `{entry.path}` twice")
        if entry.content is not None:
            files[entry.path] = entry.content
        elif entry.kind is tar.Kind.SYMBOLIC_LINK and not tar.climbs_out(entry.path, entry.link):
            links[entry.path] = _joined(entry.path, entry.link)
        elif entry.kind is tar.Kind.HARD_LINK:
            links[entry.path] = entry.link
        else:
            raise ImageRejected(f"archive has `{entry.path}`, which is no file")
    files.update({name: files[target] for name, target in links.items() if target in files})
    return files


def _members(region: Region) -> Iterator[tar.Entry]:
    try:
        yield from tar.read_archive(region)
    except ImageRejected as error:
        raise ImageRejected(error.message, hint=error.hint or _WRITTEN) from error


def unpacked(region: Region, *, scratch: Path) -> Region:
    """Give a region as it is, or unpacked into `scratch` if it is compressed with gzip or zstd."""
    magic = next(region.chunks(4), b"")
    if magic.startswith(decompression.ZSTD_MAGIC):
        return stream.store(decompression.decompress_zstd(region.chunks()), scratch)
    if magic.startswith(decompression.GZIP_MAGIC):
        return stream.store(decompression.decompress(region.chunks()), scratch)
    return region


def small_file(files: dict[str, Region], name: str) -> bytes:
    """Read a document out of an archive.

    Raises:
        ImageRejected: it is not there, or too large.
    """
    region = files.get(name)
    if region is None or region.size > document.MAX_SIZE:
        raise ImageRejected(f"archive lacks `{name}`, or it is larger than {document.MAX_SIZE} bytes", hint=_WRITTEN)
    return region.read()


def write_archive(files: Iterable[ArchiveFile]) -> Iterator[bytes]:
    """Give an archive of files and of the directories they need, in their order."""
    directories = set[str]()
    for name, size, chunks in files:
        for above in tar.parents(name):
            if above not in directories:
                directories.add(above)
                yield tar.member(tar.Entry(path=above, kind=tar.Kind.DIRECTORY))
        yield tar.member(tar.Entry(path=name, kind=tar.Kind.FILE, mode=0o644, size=size))
        yield from chunks
        yield tar.padding(size)
    yield tar.end()


def _joined(path: str, target: str) -> str:
    segments = [] if target.startswith("/") else path.split("/")[:-1]
    for segment in target.split("/"):
        if segment == "..":
            segments.pop()
        elif segment not in {"", "."}:
            segments.append(segment)
    return "/".join(segments)
