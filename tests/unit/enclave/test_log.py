"""The construction log, against a second implementation and against what must change it."""

import hashlib
import tracemalloc
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.enclave import construction_log, measure
from caisson.errors import Malformed

PAGE = 4096


@st.composite
def segments(draw):
    """Where PT_LOADs may lie: each in pages of its own, with any offset, gap and bss; perhaps at a fixed address."""
    at = draw(st.sampled_from([0, 0, 0x10000, 0x400000])) // PAGE
    loads = []
    for number in range(draw(st.integers(1, 4))):
        at += draw(st.integers(0, 3)) if number else 0
        address = at * PAGE + draw(st.integers(0, PAGE - 1))
        size, bss = draw(st.integers(1, 3 * PAGE)), draw(st.sampled_from([0, 1, 100, 5000]))
        loads.append({"address": address, "size": size, "bss": bss, "flags": draw(st.integers(0, 7))})
        at = -(-(address + size + bss) // PAGE)
    return loads


MANIFESTS = st.builds(
    '#{}\n[sgx]\nenclave_size = "{}"\nmax_threads = {}\nedmm_enable = {}\n'.format,
    st.text("x", max_size=9000),
    st.sampled_from(["16M", "0x1000000", "32768K", "64M"]),
    st.integers(1, 5),
    st.sampled_from(["true", "false"]),
)


@settings(max_examples=40, deadline=None)
@given(shape=segments(), entry=st.integers(0, 0x10000), manifest=MANIFESTS.map(str.encode))
def test_two_implementations_agree_on_any_enclave(make_elf, load, slow, shape, entry, manifest):
    pal = make_elf([load(**segment) for segment in shape], entry=entry)
    assert str(measure(pal, manifest)) == slow(pal, manifest)


def test_offsets_carry_over_four_gigabytes(pal, slow):
    manifest = b'[sgx]\nenclave_size = "8G"\nmax_threads = 1\nedmm_enable = true\n'
    assert str(measure(pal, manifest)) == slow(pal, manifest)


def test_free_pages_carry_over_four_gigabytes(pal, slow):
    manifest = b'[sgx]\nenclave_size = "8G"\nmax_threads = 1\n'
    assert str(measure(pal, manifest)) == slow(pal, manifest)


def test_premain_can_be_the_pal_of_a_gigabyte(slow):
    premain = files("caisson.conversion").joinpath("_bin", "premain").read_bytes()
    manifest = b'[sgx]\nenclave_size = "1G"\nmax_threads = 16\n'
    assert str(measure(premain, manifest)) == slow(premain, manifest)


def test_the_log_is_what_the_measurement_hashes(pal, manifest):
    log = b"".join(construction_log(pal, manifest))
    assert len(log) % 64 == 0
    assert log.startswith(b"ECREATE\0\x04\0\0\0\x00\x00\x00\x02")
    assert hashlib.sha256(log).digest() == measure(pal, manifest).value


def test_pieces_stay_what_they_were(pal, manifest):
    pieces = list(construction_log(pal, manifest))
    assert pieces == [bytes(piece) for piece in construction_log(pal, manifest)]


def test_memory_does_not_grow_with_the_enclave(pal):
    tracemalloc.start()
    try:
        for _ in construction_log(pal, b'[sgx]\nenclave_size = "4G"\n'):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20


def test_nothing_is_given_of_an_enclave_that_cannot_be(pal):
    with pytest.raises(Malformed):
        construction_log(pal, b'[sgx]\nenclave_size = "1M"\n')


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda pal, manifest: (pal, manifest + b"\n"), id="a byte more in the manifest"),
        pytest.param(lambda pal, manifest: (pal, manifest.replace(b"32M", b"64M")), id="size"),
        pytest.param(lambda pal, manifest: (pal, manifest.replace(b"threads = 4", b"threads = 5")), id="threads"),
        pytest.param(lambda pal, manifest: (flip(pal, 24), manifest), id="entry point"),
        pytest.param(lambda pal, manifest: (flip(pal, 64 + 4), manifest), id="permissions of a segment"),
        pytest.param(lambda pal, manifest: (flip(pal, PAGE + 0x17FF), manifest), id="last byte of the code"),
        pytest.param(lambda pal, manifest: (flip(pal, 3 * PAGE + 0xFF0), manifest), id="first byte of the data"),
    ],
)
def test_whatever_runs_is_measured(pal, manifest, change):
    assert measure(*change(pal, manifest)) != measure(pal, manifest)


def test_what_lies_beside_a_segment_in_the_file_is_not_measured(pal, manifest):
    beside = 3 * PAGE + 0xFEF
    assert pal[beside] == 0xEE
    assert measure(flip(pal, beside), manifest) == measure(pal, manifest)


def flip(raw, at):
    return raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]
