"""Files with holes, as tar programs write them, and as attackers would."""

import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import ImageRejected
from caisson.oci import Limits, Region, tar
from caisson.oci.changes import read_changes
from caisson.oci.sparse import Extent, SparseRegion
from tests.unit.oci.test_tar import END, pax, raw_member

BLOCK = 4096


def gnu_tar(directory, *options):
    subprocess.run(["tar", "--create", "--sparse", *options, "--file", "../sparse.tar", "."], cwd=directory, check=True)
    return Region.of(directory.parent / "sparse.tar")


def holey(path, size, *written):
    with path.open("wb") as file:
        file.truncate(size)
        for offset in written:
            file.seek(offset)
            file.write(os.urandom(BLOCK))


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "root"
    path.mkdir()
    holey(path / "hole", 1 << 20)
    holey(path / "begin", 1 << 20, 0)
    holey(path / "end", (1 << 20) + BLOCK, 1 << 20)
    holey(path / "many", 1 << 20, *range(0, 1 << 20, 4 * BLOCK))
    (path / "plain").write_bytes(b"plain")
    return path


@pytest.mark.parametrize(
    "options",
    [["--format=gnu"], ["--format=pax", "--sparse-version=1.0"], ["--format=oldgnu"]],
    ids=["gnu", "pax", "oldgnu"],
)
def test_holes_are_read_as_zeros(directory, options):
    archive = gnu_tar(directory, *options)
    assert archive.size < 1 << 20
    files = {entry.path: entry for entry in tar.read_archive(archive) if entry.content is not None}
    assert sorted(files) == sorted(path.name for path in directory.iterdir())
    for path in directory.iterdir():
        assert files[path.name].size == path.stat().st_size
        assert files[path.name].content.read() == path.read_bytes()
        assert files[path.name].content.digest() == Region.of(path).digest()


def test_older_forms_of_pax_are_refused_with_a_hint(directory):
    archive = gnu_tar(directory, "--format=pax", "--sparse-version=0.1")
    with pytest.raises(ImageRejected, match="older form") as caught:
        list(tar.read_archive(archive))
    assert "--sparse-version=1.0" in caught.value.hint


@given(
    st.lists(st.tuples(st.integers(0, 9), st.binary(min_size=1, max_size=9)), max_size=5), st.integers(0, 9), st.data()
)
def test_every_part_is_what_the_whole_says(tmp_path_factory, pieces, hole, data):
    whole, stored, extents = b"", b"", []
    for gap, content in pieces:
        whole += bytes(gap)
        extents.append(Extent(start=len(whole), size=len(content)))
        whole += content
        stored += content
    whole += bytes(hole)
    path = tmp_path_factory.mktemp("part") / "stored"
    path.write_bytes(stored)
    region = SparseRegion.within(Region.of(path), tuple(extents), len(whole))
    assert region.read() == b"".join(region.chunks(3)) == whole
    start = data.draw(st.integers(0, len(whole)))
    size = data.draw(st.integers(0, len(whole) - start))
    part = region.part(start, size)
    assert part.read() == whole[start : start + size]
    assert part.part(size // 2, size - size // 2).read() == part.read()[size // 2 :]
    with pytest.raises(ImageRejected):
        region.part(start, len(whole) - start + 1)


MAP = b"1\n0\n5\n".ljust(512, b"\0")


def sparse(data=MAP + b"hello", **records):
    said = {
        "GNU__sparse__major": b"1",
        "GNU__sparse__minor": b"0",
        "GNU__sparse__name": b"f",
        "GNU__sparse__realsize": b"9",
    }
    said = {name: value for name, value in {**said, **records}.items() if value is not None}
    return pax(**said) + raw_member(b"GNUSparseFile.0/f", size=len(data), data=data) + END


def read(path, raw):
    path.write_bytes(raw)
    return list(tar.read_archive(Region.of(path)))


def test_the_story_begins_with_a_good_archive(tmp_path):
    (entry,) = read(tmp_path / "a", sparse())
    assert (entry.path, entry.content.read()) == ("f", b"hello\0\0\0\0")


@pytest.mark.parametrize(
    "raw",
    [
        sparse(GNU__sparse__realsize=b"4"),
        sparse(GNU__sparse__realsize=None),
        sparse(GNU__sparse__realsize=b"99999999999999999999"),
        sparse(GNU__sparse__name=None),
        sparse(GNU__sparse__name=b"../f"),
        sparse(GNU__sparse__major=None),
        sparse(GNU__sparse__minor=b"1"),
        sparse(GNU__sparse__map=b"0,5"),
        sparse(b""),
        sparse(b"1\n0\n5\n"),
        sparse(b"1\n0\n6\n".ljust(512, b"\0") + b"hello"),
        sparse(b"1\n-1\n5\n".ljust(512, b"\0") + b"hello"),
        sparse(b"2\n0\n3\n2\n2\n".ljust(512, b"\0") + b"hello"),
        sparse(b"2\n5\n3\n0\n2\n".ljust(512, b"\0") + b"hello"),
        sparse(b"99999999\n0\n5\n".ljust(512, b"\0") + b"hello"),
        sparse(b"1" * 600 + b"\n"),
        sparse(b"1\n0\n" + b"5" * 30 + b"\n"),
        pax(GNU__sparse__major=b"1", GNU__sparse__minor=b"0", GNU__sparse__name=b"f", GNU__sparse__realsize=b"9")
        + raw_member(b"f", b"5")
        + END,
    ],
    ids=[
        "shorter than its parts", "without size", "huge", "without name", "climbs", "by halves", "another form",
        "two maps", "no map", "map cut", "longer than stored", "negative", "overlap", "backwards", "absurd count",
        "endless number", "huge number", "a directory",
    ],
)  # fmt: skip
def test_a_sparse_file_that_contradicts_itself_is_refused(tmp_path, raw):
    with pytest.raises(ImageRejected):
        read(tmp_path / "a", raw)


def test_a_file_of_endless_holes_is_refused_before_it_is_read(workshop):
    raw = sparse(b"0\n".ljust(512, b"\0"), GNU__sparse__realsize=b"%d" % (1 << 60))
    layer = workshop.packed(raw)
    with pytest.raises(ImageRejected, match="files of more than"):
        read_changes(layer)
    small = workshop.packed(sparse())
    assert read_changes(small).entries["f"].size == 9
    with pytest.raises(ImageRejected, match="files of more than"):
        read_changes(small, limits=Limits(layer_size=8))
