import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.conversion.elf import Dynamic, is_native, read_dynamic
from caisson.errors import ImageRejected

PROGRAM = Path(shutil.which("env")).read_bytes()


def read(raw):
    return read_dynamic(lambda offset, size: raw[offset : offset + size], path="/x")


@pytest.mark.parametrize("program", [sys.executable, "/bin/sh", "/usr/bin/env"])
def test_it_reads_what_readelf_reads(program):
    path = Path(program).resolve()
    listed = subprocess.run(["readelf", "-dlW", path], capture_output=True, text=True, check=True).stdout
    found = read(path.read_bytes())
    assert list(found.needed) == [line.split("[")[1].rstrip("]") for line in listed.splitlines() if "(NEEDED)" in line]
    assert f"[Requesting program interpreter: {found.interpreter}]" in listed


def test_a_library_has_a_name_and_no_interpreter():
    library = next(Path("/lib/x86_64-linux-gnu").glob("libm.so.6"))
    found = read(library.read_bytes())
    assert (found.soname, found.needed[0], found.interpreter) == ("libm.so.6", "libc.so.6", None)


def test_a_static_program_asks_for_nothing():
    header = bytearray(PROGRAM[:64])
    header[56:58] = bytes(2)  # no program headers
    assert read(bytes(header)) == Dynamic()


@pytest.mark.parametrize(
    ("position", "value"),
    [(0, 0), (4, 1), (5, 2), (18, 40), (54, 1), (57, 255), (39, 255)],
    ids=["magic", "32 bits", "big-endian", "ARM", "header size", "headers", "table offset"],
)
def test_a_changed_header_is_refused(position, value):
    raw = bytearray(PROGRAM)
    raw[position] = value
    with pytest.raises(ImageRejected, match="`/x`"):
        read(bytes(raw))


@pytest.mark.parametrize("length", [0, 3, 63, 64, 100])
def test_a_program_that_was_cut_is_refused(length):
    with pytest.raises(ImageRejected):
        read(PROGRAM[:length])
    assert is_native(PROGRAM[:length]) == (length >= 64)


@settings(deadline=None, max_examples=400)
@given(
    st.lists(st.tuples(st.integers(0, 0x400), st.integers(0, 255)), max_size=8),
    st.lists(st.tuples(st.integers(0, len(PROGRAM) - 1), st.integers(0, 255)), max_size=8),
    st.integers(0, len(PROGRAM)),
)
def test_a_mutated_program_is_read_or_refused(near, far, length):
    raw = bytearray(PROGRAM)
    for position, value in (*near, *far):
        raw[position] = value
    with contextlib.suppress(ImageRejected):
        read(bytes(raw[:length]))
