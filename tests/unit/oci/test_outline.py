"""The outline of a layer is read like the layer: same members, same digests, same bytes; only large files are holes."""

import io
import itertools
import random
import tarfile
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.errors import ImageRejected
from caisson.oci import FileLayer, tar
from caisson.oci.outline import LARGE, LaterRegion, outline
from caisson.oci.region import Region
from caisson.oci.stream import store
from caisson.oci.tar import read_archive

SIZES = [0, 1, 511, 512, 513, 4096, LARGE - 1, LARGE, LARGE + 1, LARGE + 512, 2 * LARGE + 77]
HEADS = [b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fEL"]


def archive(sizes, *, seed=0, heads=(b"",), form=tarfile.PAX_FORMAT, long_names=False):
    chance, raw = random.Random(seed), io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form) as packed:
        for number, size in enumerate(sizes):
            member = tarfile.TarInfo(f"d/{'long' * 40 if long_names else ''}{number}")
            member.size = size
            packed.addfile(member, io.BytesIO((chance.choice(heads) + chance.randbytes(size))[:size]))
        packed.addfile(tarfile.TarInfo("last"))
    return raw.getvalue()


def cut(raw, piece):
    return (raw[at : at + piece] for at in range(0, len(raw), piece))


def compared(raw, tmp_path, *, piece=1 << 16):
    """Read an archive in both ways; give the members of the outline."""
    whole = store([raw], tmp_path)
    found = outline(cut(raw, piece), tmp_path)
    assert found.archive.size == len(raw)
    assert found.members is not None, "it was read on the way"
    members = list(found.entries(lambda: whole))
    for member, plain in zip(members, read_archive(whole), strict=True):
        assert replace(member, content=None) == replace(plain, content=None)
        if plain.content is not None:
            content = plain.content.read()
            assert (member.content.read(), member.content.digest()) == (content, plain.content.digest())
            for start, size in ((0, 64), (0, len(content)), (len(content) // 2, 100), (4000, 200)):
                if start + size <= len(content):
                    part = member.content.part(start, size)
                    assert (part.read(), part.digest()) == (
                        content[start : start + size],
                        plain.content.part(start, size).digest(),
                    )
    return members


def read(members):
    """Give what is read, or why it is refused."""
    try:
        return [replace(member, content=None) for member in members]
    except ImageRejected as error:
        return error.message


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("long_names", [False, True])
@pytest.mark.parametrize("piece", [1000, 1 << 19])
def test_members_and_contents_are_the_same(tmp_path, form, long_names, piece):
    if form == tarfile.USTAR_FORMAT and long_names:
        form = tarfile.GNU_FORMAT
    members = compared(
        archive(2 * SIZES, seed=piece, heads=HEADS, form=form, long_names=long_names), tmp_path, piece=piece
    )
    later = [member for member in members if isinstance(member.content, LaterRegion)]
    assert later
    for member in later:
        assert member.size >= LARGE
        assert not member.content.read().startswith(b"\x7fELF")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(SIZES), max_size=6), st.integers(0, 1000), st.sampled_from([511, 4097, 70_000]))
def test_any_archive_reads_the_same(tmp_path_factory, sizes, seed, piece):
    compared(archive(sizes, seed=seed, heads=HEADS), tmp_path_factory.mktemp("outline"), piece=piece)


def test_the_inside_of_a_large_file_is_not_written(tmp_path):
    raw = archive([64 * LARGE])
    found = outline(cut(raw, 1 << 19), tmp_path)
    assert found.archive.path.stat().st_blocks * 512 < LARGE


def test_a_layer_is_unpacked_as_a_whole_only_when_a_hole_is_looked_into(tmp_path):
    raw = archive([2 * LARGE], seed=1)
    layer = FileLayer.pack([raw], scratch=tmp_path)
    fresh = replace(layer, _unpacked={}, _outlines={})
    (first, _) = fresh.outline().entries(fresh.archive)
    assert first.content.part(0, 64).read() == raw[512 : 512 + 64]
    assert fresh._unpacked == {}
    assert first.content.part(LARGE, 10).read() == raw[512 + LARGE : 512 + LARGE + 10]
    assert fresh._unpacked[fresh.diff_id].read() == raw


@pytest.mark.parametrize("change", ["flip", "cut", "longer"])
def test_another_archive_than_its_diff_id_says_has_no_outline(tmp_path, change):
    raw = archive([2 * LARGE], seed=2)
    other = {
        "flip": raw[:LARGE] + bytes([raw[LARGE] ^ 1]) + raw[LARGE + 1 :],
        "cut": raw[:-512],
        "longer": raw + bytes(512),
    }
    good, bad = FileLayer.pack([raw], scratch=tmp_path), FileLayer.pack([other[change]], scratch=tmp_path)
    before = set(tmp_path.iterdir())
    with pytest.raises(ImageRejected, match="unpacked layer"):
        replace(bad, diff_id=good.diff_id, _unpacked={}).outline()
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("at", [0, 100, 512 + 3 * LARGE, -1000])
def test_what_is_no_archive_is_refused_as_it_is_without_an_outline(tmp_path, at):
    raw = bytearray(archive([3 * LARGE - 512, 10], seed=3))
    raw[at] ^= 0xFF
    whole = store([bytes(raw)], tmp_path)
    found = outline(cut(bytes(raw), 1 << 16), tmp_path)
    assert read(found.entries(lambda: whole)) == read(read_archive(whole))


def test_an_extended_header_takes_no_memory_before_its_size_is_known_to_be_possible(tmp_path):
    header = bytearray(tar.member(tar.Entry(path="x", kind=tar.Kind.FILE, size=64 << 20)))
    header[156:157], header[148:156] = b"x", b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    tracemalloc.start()
    found = outline(itertools.chain([bytes(header)], itertools.repeat(bytes(1 << 20), 64)), tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
    with pytest.raises(ImageRejected, match="extended header of 67108864 bytes"):
        list(found.entries(lambda: found.archive))


@pytest.mark.parametrize("end", [b"", bytes(512), bytes(700), bytes(1024) + b"x", bytes(512) + b"x", b"x" * 512])
def test_an_archive_that_ends_otherwise_is_read_as_it_is_without_an_outline(tmp_path, end):
    raw = archive([10, 3 * LARGE], seed=4)
    raw = raw[: len(raw.rstrip(b"\0")) + -len(raw.rstrip(b"\0")) % 512] + end
    whole = store([raw], tmp_path)
    assert read(outline(cut(raw, 1 << 16), tmp_path).entries(lambda: whole)) == read(read_archive(whole))


@given(st.binary(max_size=3000))
def test_noise_is_kept_whole(tmp_path_factory, noise):
    found = outline([noise], tmp_path_factory.mktemp("noise"))
    assert (found.archive.read(), found.skipped) == (noise, {})


def test_a_region_of_an_outline_ends_where_its_file_ends(tmp_path):
    region = LaterRegion(
        path=tmp_path, offset=0, size=10, whole=lambda: Region(path=tmp_path, offset=0, size=10), known=None, head=4096
    )
    with pytest.raises(ImageRejected, match="ends early"):
        region.part(5, 6)
