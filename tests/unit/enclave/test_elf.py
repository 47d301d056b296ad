"""The ELF parser: what it reads, and that it refuses everything else with one error."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.enclave.elf import Elf
from caisson.errors import Malformed

PROGRAM_HEADER = 64


def patch(raw, at, fmt, value):
    changed = bytearray(raw)
    struct.pack_into(fmt, changed, at, value)
    return bytes(changed)


def test_segments_are_what_the_program_headers_say(make_elf, load):
    elf = Elf.parse(make_elf([load(0x10, 5, flags=5), load(0x3008, 7, bss=0x2000, flags=6)], entry=0x1234))
    code, data = elf.segments
    assert elf.entry == 0x1234
    assert (code.start, code.end, code.readable, code.writable, code.executable) == (0, 0x1000, True, False, True)
    assert (data.start, data.end, data.readable, data.writable, data.executable) == (0x3000, 0x6000, True, True, False)
    assert (len(code.content), len(data.content)) == (5, 7)
    assert (elf.start, elf.end) == (0, 0x6000)


def test_other_program_headers_are_passed_over(make_elf, load):
    raw = make_elf([load(0, 5), load(0x3000, 5)])
    assert len(Elf.parse(patch(raw, PROGRAM_HEADER + 56, "<I", 6)).segments) == 1


@pytest.mark.parametrize(
    ("at", "fmt", "value"),
    [
        pytest.param(0, "<I", 0, id="magic"),
        pytest.param(4, "<B", 1, id="32 bits"),
        pytest.param(5, "<B", 2, id="big-endian"),
        pytest.param(6, "<B", 0, id="identity version"),
        pytest.param(16, "<H", 1, id="object file"),
        pytest.param(16, "<H", 4, id="core dump"),
        pytest.param(18, "<H", 183, id="another machine"),
        pytest.param(20, "<I", 2, id="version"),
        pytest.param(24, "<Q", 1 << 47, id="entry point outside"),
        pytest.param(32, "<Q", 1 << 63, id="table outside"),
        pytest.param(52, "<H", 52, id="header size"),
        pytest.param(54, "<H", 32, id="entry size"),
        pytest.param(56, "<H", 0, id="no program headers"),
        pytest.param(56, "<H", 0xFFFF, id="too many program headers"),
        pytest.param(PROGRAM_HEADER, "<I", 0, id="nothing to load"),
        pytest.param(PROGRAM_HEADER + 8, "<Q", 0x1001, id="offset that cannot be mapped"),
        pytest.param(PROGRAM_HEADER + 8, "<Q", 1 << 40, id="content outside of the file"),
        pytest.param(PROGRAM_HEADER + 32, "<Q", 0x101, id="more in the file than in memory"),
        pytest.param(PROGRAM_HEADER + 40, "<Q", 1 << 63, id="end outside of memory"),
    ],
)
def test_one_wrong_field_is_refused(make_elf, load, at, fmt, value):
    raw = make_elf([load(0, 0x100)])
    Elf.parse(raw)
    with pytest.raises(Malformed):
        Elf.parse(patch(raw, at, fmt, value))


def test_a_cut_file_is_refused(make_elf, load):
    raw = make_elf([load(0, 0x100)])
    for length in (0, 63, 64, 64 + 55, 0x1000, 0x10FF):
        with pytest.raises(Malformed):
            Elf.parse(raw[:length])


@pytest.mark.parametrize("order", [1, -1])
def test_two_segments_in_one_page_are_refused(make_elf, load, order):
    with pytest.raises(Malformed, match="two segments in the page at 0x1000"):
        Elf.parse(make_elf([load(0, 0x1001), load(0x1F00, 1)][::order]))


@given(st.binary(max_size=300))
def test_noise_is_refused(noise):
    with pytest.raises(Malformed):
        Elf.parse(noise)


def test_mutations_are_read_or_refused_and_nothing_else(make_elf, load):
    dice = random.Random(20261123)
    raw = make_elf([load(0, 0x100), load(0x3FF0, 0x200, bss=50)])
    for _ in range(20_000):
        changed = bytearray(raw[: dice.choice([len(raw), dice.randrange(len(raw))])])
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(min(len(changed), 64 + 2 * 56) or 1)
            changed[at : at + 1] = bytes((dice.choice([0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)]),))
        try:
            elf = Elf.parse(bytes(changed))
        except Malformed:
            continue
        assert 0 <= elf.start < elf.end < 1 << 48
