"""Small archives and images to tell stories with."""

from pathlib import Path

import pytest

from caisson.oci import FileLayer, FileSystem, Image, ImageConfig, Region, RunConfig, tar

Member = str | tuple[str, bytes] | tar.Entry


def entry(member: Member) -> tuple[tar.Entry, bytes]:
    match member:
        case tar.Entry():
            return member, b""
        case (path, content):
            return tar.Entry(path=path, kind=tar.Kind.FILE, mode=0o644, size=len(content)), content
        case str() if " -> " in member:
            path, _, target = member.partition(" -> ")
            return tar.Entry(path=path, kind=tar.Kind.SYMBOLIC_LINK, mode=0o777, link=target), b""
        case str() if " => " in member:
            path, _, target = member.partition(" => ")
            return tar.Entry(path=path, kind=tar.Kind.HARD_LINK, link=target), b""
        case str() if member.endswith("/"):
            return tar.Entry(path=member[:-1], kind=tar.Kind.DIRECTORY), b""
        case _:
            return tar.Entry(path=member, kind=tar.Kind.FILE, mode=0o644), b""


class Workshop:
    """Makes layers and images in a temporary directory.

    A member is `path`, `path/`, `path -> target` (symbolic), `path => target` (hard), or a path and its content.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch

    def region(self, raw: bytes) -> Region:
        path = self.scratch / f"{len(list(self.scratch.iterdir()))}.bytes"
        path.write_bytes(raw)
        return Region.of(path)

    def archive(self, *members: Member) -> Region:
        pieces = [tar.member(each) + content + tar.padding(len(content)) for each, content in map(entry, members)]
        return self.region(b"".join(pieces) + tar.end())

    def layer(self, *members: Member) -> FileLayer:
        return FileLayer.compress(self.archive(*members), scratch=self.scratch)

    def packed(self, raw: bytes) -> FileLayer:
        return FileLayer.compress(self.region(raw), scratch=self.scratch)

    def image(self, *layers: FileLayer, **run: object) -> Image:
        return Image.build(ImageConfig(run=RunConfig(**run)), layers)

    def files(self, *layers: FileLayer) -> FileSystem:
        return FileSystem.of(self.image(*layers))


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)
