"""A layout that cannot be filled: what was made for it is gone again, and nothing else."""

import pytest

from caisson.errors import UsageError
from caisson.oci import Reference, append, copy, sink
from caisson.oci.places.layout_store import LayoutStore


class DiskFull(Exception):
    pass


def fill_in_vain(directory, meanwhile):
    with LayoutStore(directory).made():
        meanwhile(LayoutStore(directory))
        raise DiskFull


@pytest.fixture
def image(workshop):
    return append(workshop.image(entrypoint=("/a",)), workshop.layer(("a", b"content")), created_by="test")


def test_what_was_made_for_it_is_gone_and_what_was_there_stays(tmp_path):
    (tmp_path / "there").mkdir()
    for directory in (tmp_path / "there", tmp_path / "there" / "new" / "layout"):
        with pytest.raises(DiskFull):
            fill_in_vain(directory, LayoutStore.index)
        assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_what_others_put_into_it_meanwhile_stays(image, tmp_path):
    theirs = sink(Reference.parse(f"oci:{tmp_path}/layout:theirs"))
    with pytest.raises(DiskFull):
        fill_in_vain(tmp_path / "layout", lambda _: theirs.write(image))
    assert LayoutStore(tmp_path / "layout").find("theirs")[0].digest == image.digest


def test_a_layout_that_was_there_stays_as_it_was(image, tmp_path):
    sink(Reference.parse(f"oci:{tmp_path}/layout:v1")).write(image)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(DiskFull):
        fill_in_vain(tmp_path / "layout", LayoutStore.index)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_copy_that_fails_leaves_no_layout(image, tmp_path):
    sink(Reference.parse(f"oci:{tmp_path}/old:v1")).write(image)
    (tmp_path / "old" / "blobs" / "sha256" / image.layers[0].descriptor.digest.hex).unlink()
    for origin, words in (("v1", "lacks the blob"), ("v2", "there is no image")):
        with pytest.raises(Exception, match=words):
            copy(
                Reference.parse(f"oci:{tmp_path}/old:{origin}"),
                Reference.parse(f"oci:{tmp_path}/new"),
                scratch=tmp_path,
            )
        assert [path.name for path in tmp_path.iterdir() if path.is_dir() and path.name != "old"] == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError, match="cannot be made: Not a directory"),
        LayoutStore(tmp_path / "file" / "x").made(),
    ):
        pass
