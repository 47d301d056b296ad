"""Making a bundle of an installation."""

import pytest

from caisson.conversion.elf import read_dynamic
from caisson.conversion.runtime import find_release
from caisson.enclave import Libc, RuntimeBundle
from caisson.errors import ImageRejected, Malformed, UsageError
from tests.unit.conversion.runtime.conftest import PREFIX, install, library

GLIBC = f"{PREFIX}/lib/gramine/runtime/glibc"


def find(root, changes=None, **options):
    return find_release(install(root, changes=changes), prefix=f"/{PREFIX}", **options)


def test_a_bundle_has_the_parts_of_gramine_and_of_its_c_library_and_nothing_else(release):
    assert sorted(release.contents) == [
        "direct/libpal.so",
        "host/ld.so",
        "host/libaesm.so.1",
        "host/libc.so.6",
        "libc/ld-linux-x86-64.so.2",
        "libc/libc.so.6",
        "libsysdb.so",
        "sgx/libpal.so",
        "sgx/loader",
    ]
    assert release.contents["sgx/libpal.so"] == b"SGX PAL"


def test_a_bundle_says_what_it_is(release):
    bundle = release.bundle
    assert (bundle.version, bundle.libc, bundle.libc_version) == ("1.9", Libc.GLIBC, "2.40")
    assert bundle.cache == "/opt/gramine/etc/ld.so.cache"
    assert RuntimeBundle.parse(bundle.encode()) == bundle


def test_the_loader_is_settled_where_images_have_it(release):
    loader = release.contents["sgx/loader"]
    dynamic = read_dynamic(lambda offset, size: loader[offset : offset + size], path="loader")
    assert dynamic.interpreter == "/.caisson/runtime/host/ld.so"
    assert dynamic.runpath == "/.caisson/runtime/host"
    assert dynamic.needed == ("libaesm.so.1", "libc.so.6")


def test_the_same_installation_gives_the_same_bundle(tmp_path, release):
    assert find(tmp_path / "another machine").bundle.id == release.bundle.id


@pytest.mark.parametrize("name", ["sgx/libpal.so", "direct/libpal.so", "libsysdb.so", "sgx/loader"])
def test_every_part_counts_for_the_name_of_a_bundle(tmp_path, release, name):
    from tests.unit.conversion.runtime.conftest import program

    other = program(marks=b"another") if name == "sgx/loader" else b"another"
    assert find(tmp_path / "other", {f"{PREFIX}/lib/gramine/{name}": other}).bundle.id != release.bundle.id


@pytest.mark.parametrize("version", ["1.7", "1.10", "2.0", "1.90"])
def test_a_release_whose_layout_is_not_known_is_refused(tmp_path, version):
    changes = {f"{PREFIX}/bin/gramine-sgx": f'echo "Gramine {version} (abc)"'.encode()}
    with pytest.raises(UsageError, match=f"Gramine {version} is not known") as refused:
        find(tmp_path, changes)
    assert "--layout" in refused.value.hint


def test_an_unknown_release_is_taken_with_its_constants(tmp_path):
    layout = {"ssa_frame_pages": 8, "heap_min": 0x20000, "stack": 0x80000, "signal_stack": 0x10000}
    bundle = find(tmp_path, version="2.0", layout=layout).bundle
    assert (bundle.version, bundle.layout.values()) == ("2.0", layout)


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"ssa_frame_pages": 4, "heap_min": 1, "stack": 4096, "signal_stack": 4096},
        {"ssa_frame_pages": 0, "heap_min": 4096, "stack": 4096, "signal_stack": 4096},
        {"ssa_frame_pages": 4, "heap_min": 4096, "stack": 4096, "signal_stack": True},
        {"ssa_frame_pages": 4, "heap_min": 4096, "stack": 4096, "signal_stack": 4096, "more": 1},
    ],
)
def test_constants_that_can_be_none_are_refused(tmp_path, layout):
    with pytest.raises(Malformed):
        find(tmp_path, layout=layout)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("libsysdb.so", "no Gramine below"),
        ("sgx/libpal.so", "there is no `.*sgx/libpal.so`"),
        ("sgx/loader", "there is no `.*sgx/loader`"),
        ("runtime/glibc/libc.so.6", "has no C library"),
        ("runtime/glibc/ld-linux-x86-64.so.2", "has no C library"),
    ],
)
def test_an_incomplete_installation_is_refused(tmp_path, missing, message):
    with pytest.raises(UsageError, match=message):
        find(tmp_path, {f"{PREFIX}/lib/gramine/{missing}": None})


def test_a_loader_that_lacks_a_library_is_refused_with_its_name(tmp_path):
    with pytest.raises(UsageError, match=r"libaesm\.so\.1") as refused:
        find(tmp_path, {"usr/lib/libaesm.so.1": None})
    assert "package" in refused.value.hint


def test_of_two_c_libraries_one_has_to_be_chosen(tmp_path):
    musl = {f"{PREFIX}/lib/gramine/runtime/musl/ld-musl-x86_64.so.1": library(b"\x001.2.5\x00")}
    with pytest.raises(UsageError, match="2 C libraries"):
        find(tmp_path, musl)
    bundle = find(tmp_path, musl, libc=Libc.MUSL).bundle
    assert (bundle.libc, bundle.libc_version, bundle.cache) == (Libc.MUSL, "1.2.5", "")
    assert bundle.libc_parts == ("libc/ld-musl-x86_64.so.1",)


def test_a_loader_that_is_no_program_is_refused(tmp_path):
    with pytest.raises((ImageRejected, UsageError)):
        find(tmp_path, {f"{PREFIX}/lib/gramine/sgx/loader": b"#!/bin/sh\n"})


def test_an_older_c_library_does_not_replace_an_images(release):
    assert release.bundle.replaces("2.40")
    assert release.bundle.replaces("2.9")
    assert not release.bundle.replaces("2.41")
