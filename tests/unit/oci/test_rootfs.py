import gzip
import os
import socket
import tarfile

import pytest

from caisson.errors import ImageRejected, UsageError
from caisson.oci import FileSystem, Reference, source, validate


def read(path, scratch):
    return source(Reference.parse(f"rootfs:{path}")).read(scratch=scratch)


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def root(tmp_path):
    return make_root(tmp_path / "root")


def make_root(root):
    (root / "usr" / "lib").mkdir(parents=True)
    (root / "usr" / "lib" / "file").write_bytes(b"content")
    os.link(root / "usr" / "lib" / "file", root / "usr" / "lib" / "same")
    (root / "lib").symlink_to("usr/lib")
    (root / "usr" / "lib" / "file").chmod(0o4755)
    os.mkfifo(root / "pipe")
    for path in (root, root / "usr", root / "usr" / "lib", root / "pipe"):
        path.chmod(0o755)
    return root


def test_a_directory_is_an_image_of_one_layer(root, scratch):
    image = read(root, scratch)
    files = validate(image)
    assert len(image.layers) == 1
    assert (image.config.os, image.config.architecture) == ("linux", "amd64")
    assert files.find("/lib/same").content.read() == b"content"
    assert files.find("/usr/lib/file").entry.mode == 0o4755
    assert files.find("/pipe") is not None


def test_neither_times_nor_its_place_count(tmp_path, scratch):
    first, second = make_root(tmp_path / "a"), make_root(tmp_path / "elsewhere")
    os.utime(second / "usr" / "lib" / "file", (1, 1))
    previous = os.umask(0o077)
    try:
        assert read(first, scratch).digest == read(second, scratch).digest
    finally:
        os.umask(previous)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "usr" / "lib" / "file").write_bytes(b"Content"),
        lambda root: (root / "usr" / "lib" / "file").chmod(0o755),
        lambda root: (root / "new").touch(),
    ],
)
def test_everything_else_counts(root, scratch, change):
    before = read(root, scratch).digest
    change(root)
    assert read(root, scratch).digest != before


def test_sockets_are_left_out(root, scratch, monkeypatch):
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
        assert FileSystem.of(read(root, scratch)).find("/sock") is None


def test_a_tar_file_becomes_the_layer_as_it_is(root, tmp_path, scratch):
    path = tmp_path / "root.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(root, ".")
    image = read(path, scratch)
    assert validate(image).find("/lib/file").content.read() == b"content"
    assert image.layers[0].archive().read() == path.read_bytes()
    packed = tmp_path / "root.tar.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed, scratch).digest == image.digest


def test_what_is_not_there_or_packed_in_another_way_is_refused(tmp_path, scratch):
    with pytest.raises(UsageError, match="no root file system"):
        read(tmp_path / "none", scratch)
    odd = tmp_path / "odd.tar.zst"
    odd.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(100))
    with pytest.raises(ImageRejected, match="zstd"):
        read(odd, scratch)
    for content, words in (
        (b"no archive" * 100, "checksum"),
        (b"", "holds nothing"),
        (bytes(1 << 20), "holds nothing"),
    ):
        odd.write_bytes(content)
        with pytest.raises(ImageRejected, match=f"`rootfs:{odd}`: .*{words}") as caught:
            read(odd, scratch)
        assert caught.value.hint == "name a directory, or a tar file of one"
