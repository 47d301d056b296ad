"""Files of an image in a directory: all of them, and none outside."""

import os

import pytest

from caisson.errors import UsageError
from caisson.oci import FileLayer, FileSystem, Image, ImageConfig, append, tar, unpack_files

OWNER = (os.geteuid(), os.getegid())


def files(scratch, *entries):
    def chunks():
        for entry, raw in entries:
            yield tar.member(entry)
            if entry.kind is tar.Kind.FILE:
                yield raw
                yield tar.padding(len(raw))
        yield tar.end()

    layer = FileLayer.pack(chunks(), scratch=scratch)
    return FileSystem.of(append(Image.build(ImageConfig(), ()), layer, created_by="test"))


def entry(path, kind=tar.Kind.FILE, **members):
    return tar.Entry(path=path, kind=kind, uid=OWNER[0], gid=OWNER[1], **members)


@pytest.fixture
def target(tmp_path):
    directory = tmp_path / "root"
    directory.mkdir()
    return directory


def test_files_directories_and_links_are_written_with_their_modes(tmp_path, target):
    view = files(
        tmp_path,
        (entry("bin", tar.Kind.DIRECTORY, mode=0o750), b""),
        (entry("bin/app", mode=0o751, size=3), b"app"),
        (entry("bin/link", tar.Kind.SYMBOLIC_LINK, link="app"), b""),
    )
    unpack_files(view, target)
    assert (target / "bin" / "app").read_bytes() == b"app"
    assert (target / "bin" / "app").stat().st_mode & 0o7777 == 0o751
    assert (target / "bin" / "link").readlink().name == "app"


def test_a_link_out_of_the_root_is_a_link_and_nothing_is_written_through_it(tmp_path, target):
    outside = tmp_path / "outside"
    outside.mkdir()
    view = files(tmp_path, (entry("out", tar.Kind.SYMBOLIC_LINK, link=str(outside)), b""))
    unpack_files(view, target)
    assert (target / "out").is_symlink()
    assert list(outside.iterdir()) == []


def test_nothing_is_written_over(tmp_path, target):
    (target / "file").touch()
    with pytest.raises(UsageError, match="not empty"):
        unpack_files(files(tmp_path), target)
