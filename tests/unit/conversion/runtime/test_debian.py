"""Debian packages, honest and hostile."""

import gzip
import io
import lzma
import tarfile

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from caisson.conversion import Content
from caisson.conversion.runtime import find_release, unpack
from caisson.errors import CaissonError, ImageRejected, UsageError
from tests.unit.conversion.runtime.conftest import INSTALLED, PREFIX


def member(name: bytes, content: bytes) -> bytes:
    return (
        b"%-16b0           0     0     100644  %-10d`\n" % (name, len(content)) + content + b"\n" * (len(content) % 2)
    )


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as out:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            out.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def package(data: bytes, *, name: bytes = b"data.tar.xz") -> bytes:
    parts = ((b"debian-binary", b"2.0\n"), (b"control.tar.xz", b"not read"), (name, data))
    return b"!<arch>\n" + b"".join(member(*part) for part in parts)


GOOD = package(lzma.compress(archive({"./srv/page": b"a page"})))


def read(tmp_path, raw: bytes) -> Content:
    path = tmp_path / "some.deb"
    path.write_bytes(raw)
    return Content(unpack([path], scratch=tmp_path))


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        (b"data.tar.xz", lzma.compress),
        (b"data.tar", bytes),
        (b"data.tar/", bytes),
        (b"data.tar.gz", gzip.compress),
        (b"data.tar.zst", zstd.compress),
    ],
)
def test_the_files_of_a_package_are_read(tmp_path, name, pack):
    content = read(tmp_path, package(pack(archive({"./srv/page": b"a page"})), name=name))
    assert content.read("/srv/page") == b"a page"


def test_gramine_is_found_in_its_package_and_those_of_its_libraries(tmp_path):
    paths = []
    for number, own in enumerate((True, False)):
        files = {f"./{name}": content for name, content in INSTALLED.items() if name.startswith(PREFIX) is own}
        path = tmp_path / f"{number}.deb"
        path.write_bytes(package(lzma.compress(archive(files))))
        paths.append(path)
    content = Content(unpack(paths, scratch=tmp_path))
    assert find_release(content, prefix=f"/{PREFIX}").bundle.version == "1.9"
    with pytest.raises(UsageError, match="lacks a library"):
        find_release(Content(unpack(paths[:1], scratch=tmp_path)), prefix=f"/{PREFIX}")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"!<arch>\n",
        GOOD[:-1],
        GOOD[:100],
        b"x" + GOOD[1:],
        GOOD.replace(b"2.0\n", b"3.0\n"),
        GOOD.replace(b"data.tar.xz ", b"data.tar.zst"),
        GOOD.replace(b"data.tar.xz ", b"../data.tar "),
        GOOD.replace(b"control.tar.xz", b"data.tar.xz   "),
        GOOD.replace(b"`\n", b"`x", 1),
        GOOD + member(b"debian-binary", b"2.0\n"),
        package(lzma.compress(b"")[:-4]),
        package(b"no xz at all"),
        package(lzma.compress(archive({})) + b"more"),
        package(b"", name=b"other.tar.xz"),
        b"!<arch>\n" + member(b"debian-binary", b"2.0\n") * 40,
    ],
)
def test_what_is_no_package_is_refused(tmp_path, raw):
    with pytest.raises(ImageRejected):
        read(tmp_path, raw)


@pytest.mark.parametrize("name", ["../../etc/passwd", "./srv/../../etc/passwd"])
def test_a_package_that_writes_beside_itself_is_refused(tmp_path, name):
    with pytest.raises(ImageRejected):
        read(tmp_path, package(lzma.compress(archive({name: b"root::0:0"}))))


@pytest.mark.parametrize(("name", "pack"), [(b"data.tar.xz", lzma.compress), (b"data.tar.zst", zstd.compress)])
def test_a_decompression_bomb_is_refused(tmp_path, name, pack):
    with pytest.raises(ImageRejected, match="bomb"):
        read(tmp_path, package(pack(bytes(200 << 20)), name=name))


@pytest.mark.parametrize("cut", [4, 20, -1])
def test_zstd_that_ends_early_is_refused(tmp_path, cut):
    with pytest.raises(ImageRejected):
        read(tmp_path, package(zstd.compress(archive({"./srv/page": b"a page"}))[:cut], name=b"data.tar.zst"))


def test_a_package_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(UsageError, match=r"no file .*nothing\.deb"):
        unpack([tmp_path / "nothing.deb"], scratch=tmp_path)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_damaged_package_gives_its_files_or_an_error_of_our_tree(tmp_path_factory, at, flip):
    raw = bytearray(GOOD)
    raw[at] ^= flip
    try:
        content = read(tmp_path_factory.mktemp("deb"), bytes(raw))
    except CaissonError:
        return
    assert content.read("/srv/page") in {b"a page", None}
