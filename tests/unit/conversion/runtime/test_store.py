"""The store: a bundle is what its name says, or it is refused."""

import pytest

from caisson.conversion.runtime import find_release
from caisson.errors import ImageChanged, UsageError
from tests.unit.conversion.runtime.conftest import PREFIX, install


def test_a_stored_bundle_is_read_as_it_was_found(store, release):
    stored = store.add(release)
    assert store.find().release() == release
    assert store.add(release).directory == stored.directory
    assert [each.bundle for each in store.list()] == [release.bundle]


@pytest.mark.parametrize("part", ["sgx/libpal.so", "libsysdb.so", "libc/libc.so.6", "host/ld.so"])
def test_a_changed_part_is_named(store, release, part):
    stored = store.add(release)
    (stored.directory / part).write_bytes(b"another")
    with pytest.raises(ImageChanged, match=part):
        stored.release()


def test_a_missing_part_is_named(store, release):
    stored = store.add(release)
    (stored.directory / "libsysdb.so").unlink()
    with pytest.raises(ImageChanged, match=r"libsysdb\.so"):
        stored.release()


def test_a_description_that_was_changed_is_refused(store, release):
    path = store.add(release).directory / "bundle.json"
    path.write_bytes(path.read_bytes().replace(b"1.9", b"1.8"))
    with pytest.raises(ImageChanged, match="holds the bundle"):
        store.list()
    path.write_bytes(b"{}")
    with pytest.raises(ImageChanged, match="holds no runtime bundle"):
        store.list()


def test_the_newest_release_is_found_first(store, release, tmp_path):
    old = {f"{PREFIX}/bin/gramine-sgx": b'echo "Gramine 1.8 (abc)"'}
    older = find_release(install(tmp_path / "old", changes=old), prefix=f"/{PREFIX}")
    store.add(older)
    store.add(release)
    assert [each.bundle.version for each in store.list()] == ["1.9", "1.8"]
    assert store.find(older.bundle.id[:12]).bundle == older.bundle


@pytest.mark.parametrize("identifier", [None, "", "abc", "ffff" * 16])
def test_what_is_not_there_is_not_found(store, identifier):
    with pytest.raises(UsageError):
        store.find(identifier)


def test_a_prefix_of_three_digits_is_too_short(store, release):
    store.add(release)
    with pytest.raises(UsageError):
        store.find(release.bundle.id[:3])
    assert store.find(release.bundle.id[:4]).bundle == release.bundle


def test_a_removed_bundle_is_gone(store, release):
    store.remove(store.add(release))
    assert store.list() == ()
