"""Where things lie: nothing overlaps, nothing leaves the enclave, and too little room is refused."""

from itertools import pairwise

import pytest

from caisson.enclave.layout import GRAMINE, Layout
from caisson.errors import Malformed


def sizes(threads, size="32M", *, edmm=False):
    return f'[sgx]\nenclave_size = "{size}"\nmax_threads = {threads}\nedmm_enable = {str(edmm).lower()}\n'.encode()


@pytest.mark.parametrize("address", [0, 0x10000, 0x400000])
def test_areas_share_no_page_and_leave_none_out_of_bounds(make_elf, load, address):
    layout = Layout.of(make_elf([load(address, 100), load(address + 0x5000, 100)]), sizes(4))
    areas = sorted(layout.areas, key=lambda area: area.offset)
    for lower, upper in pairwise(areas):
        assert lower.end <= upper.offset
    assert areas[0].offset >= GRAMINE.heap_min
    assert areas[-1].end == layout.size


def test_a_fixed_pal_lies_where_it_is_linked_to_with_heap_on_both_sides(make_elf, load):
    layout = Layout.of(make_elf([load(0x400010, 0x2000)], kind=2), sizes(1))
    (code,) = [area for area in layout.areas if area.name == "code"]
    free = [(area.offset, area.end) for area in layout.areas if area.name == "free"]
    lowest_stack = min(area.offset for area in layout.areas if area.name == "sig_stack")
    assert (code.offset, code.end) == (0x400000, 0x403000)
    assert free == [(0x403000, lowest_stack), (GRAMINE.heap_min, 0x400000)]


def test_edmm_leaves_the_heap_out_and_nothing_else(pal):
    with_heap, without = Layout.of(pal, sizes(2)), Layout.of(pal, sizes(2, edmm=True))
    lie = [(area.name, area.offset, area.size) for area in without.areas]
    assert lie == [(area.name, area.offset, area.size) for area in with_heap.areas if area.name != "free"]


def test_only_the_heap_is_not_measured(pal):
    assert {area.name for area in Layout.of(pal, sizes(2)).areas if area.content is None} == {"free"}


def test_stacks_go_down_and_are_added_from_the_highest(pal):
    stacks = [area.offset for area in Layout.of(pal, sizes(3)).areas if area.name == "stack"]
    assert stacks == sorted(stacks, reverse=True)


def test_too_many_threads_for_the_size_are_refused(pal):
    with pytest.raises(Malformed, match="not large enough"):
        Layout.of(pal, sizes(4096, "1G"))


def test_an_enclave_that_just_fits_has_no_heap(make_elf, load):
    # One thread needs a manifest page, 8 pages of SSA, TCS, TLS, 64 and 16 pages of stacks: 91 of 256 - 16.
    room = (256 - 16 - 91) * 0x1000
    layout = Layout.of(make_elf([load(0, 16, bss=room - 16)]), sizes(1, "1M"))
    assert not [area for area in layout.areas if area.name == "free"]
    with pytest.raises(Malformed, match="not large enough"):
        Layout.of(make_elf([load(0, 16, bss=room - 15)]), sizes(1, "1M"))


@pytest.mark.parametrize("address", [0x1000, 0xF000, 0x1F00000, 0x2000000, 0x7FFF00000000])
def test_a_fixed_pal_that_does_not_fit_is_refused(make_elf, load, address):
    with pytest.raises(Malformed, match="not large enough"):
        Layout.of(make_elf([load(address, 0x1000)], kind=2), sizes(4))
