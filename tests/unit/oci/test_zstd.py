"""Zstandard from strangers."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.errors import ImageRejected
from caisson.oci import Descriptor, Digest, FileLayer, Image, ImageConfig, Limits, MediaType, validate
from caisson.oci.decompression import decompress_zstd, zstd

PLAIN = b"".join(sha256(bytes([number])).digest() * (number % 7) for number in range(256)) * 80
CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
GOOD = zstd.compress(PLAIN, options=CHECKED)


def unpacked(*chunks, limits=None):
    return b"".join(decompress_zstd(chunks, limits=limits or Limits()))


@settings(deadline=None)
@given(st.binary(max_size=5000), st.integers(1, 700))
def test_what_was_compressed_comes_back_however_it_is_cut(plain, size):
    raw = zstd.compress(plain)
    assert unpacked(*(raw[start : start + size] for start in range(0, len(raw), size))) == plain


def test_several_frames_and_skippable_ones_are_one_stream():
    skippable = bytes.fromhex("502a4d18") + (5).to_bytes(4, "little") + b"notes"
    assert unpacked(zstd.compress(b"one") + skippable + zstd.compress(b"two")) == b"onetwo"


def test_output_that_exceeds_its_input_by_far_is_complete():
    assert unpacked(zstd.compress(bytes(30_000_000))) == bytes(30_000_000)


@pytest.mark.parametrize(
    "raw",
    [b"", b"no zstd at all", GOOD[:-1], GOOD[:100], GOOD + b"x", GOOD[:-4] + bytes(4)],
    ids=["empty", "other", "cut", "cut early", "trailing", "checksum"],
)
def test_a_damaged_stream_is_refused(raw):
    with pytest.raises(ImageRejected, match="zstd"):
        unpacked(raw)


def test_a_bomb_is_refused_before_it_goes_off():
    bomb = zstd.compress(bytes(50_000_000))
    with pytest.raises(ImageRejected, match="bomb"):
        unpacked(bomb, limits=Limits(ratio=100, ratio_from=1 << 20))
    with pytest.raises(ImageRejected, match="more than"):
        unpacked(bomb, limits=Limits(layer_size=1 << 20))


def test_a_window_that_would_take_gibibytes_of_memory_is_refused():
    options = {zstd.CompressionParameter.window_log: 31, zstd.CompressionParameter.enable_long_distance_matching: 1}
    compressor = zstd.ZstdCompressor(options=options)
    raw = compressor.compress(PLAIN) + compressor.flush()  # of unknown size, so that the window is not made smaller
    with pytest.raises(ImageRejected, match="zstd"):
        unpacked(raw)


@pytest.mark.parametrize(
    "media_type", [MediaType.LAYER_ZSTD, MediaType.DOCKER_LAYER_ZSTD, MediaType.FOREIGN_LAYER_ZSTD]
)
def test_a_layer_of_zstd_is_as_good(workshop, media_type):
    archive = workshop.archive("a")
    region = workshop.region(zstd.compress(archive.read()))
    descriptor = Descriptor(media_type=media_type, digest=region.digest(), size=region.size)
    layer = FileLayer(descriptor=descriptor, diff_id=archive.digest(), blob=region, scratch=workshop.scratch)
    assert validate(Image.build(ImageConfig(), (layer,))).find("/a") is not None
    with pytest.raises(ImageRejected, match="not sha256"):
        replace(layer, diff_id=Digest.of(b"")).archive()
