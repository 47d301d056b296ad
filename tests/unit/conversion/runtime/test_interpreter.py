"""A program with another interpreter is the same program."""

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from caisson.conversion.runtime.interpreter import settle
from caisson.errors import ImageRejected
from tests.unit.conversion.runtime.conftest import program

PLACES = {"interpreter": "/a/rather/long/path/to/an/interpreter.so", "runpath": "/libraries"}


def loads(raw: bytes) -> list[tuple[int, int]]:
    import io

    headers = [segment.header for segment in ELFFile(io.BytesIO(raw)).iter_segments()]
    return [(header.p_vaddr, header.p_memsz) for header in headers if header.p_type == "PT_LOAD"]


def test_nothing_that_was_mapped_before_is_moved():
    before = program()
    after = settle(before, **PLACES)
    assert loads(after)[:-1] == loads(before)
    assert sorted(loads(after)) == loads(after)
    start, size = loads(after)[-1]
    assert start >= sum(loads(before)[-1])
    assert size > 0


@pytest.mark.parametrize("raw", [b"", b"\x7fELF", program(spare=0), program()[:200], b"\0" * 500])
def test_what_leaves_no_room_is_refused(raw):
    with pytest.raises(ImageRejected):
        settle(raw, **PLACES)


@given(st.integers(0, len(program()) - 1), st.integers(1, 255))
def test_a_damaged_program_is_settled_or_refused(at, flip):
    raw = bytearray(program())
    raw[at] ^= flip
    try:
        settle(bytes(raw), **PLACES)
    except ImageRejected:
        return
