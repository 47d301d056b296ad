import gzip
import zlib
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.errors import ImageRejected
from caisson.oci.compression import compress
from caisson.oci.decompression import decompress
from caisson.oci.limits import Limits

PLAIN = b"".join(sha256(bytes([n])).digest() * (n % 7) for n in range(256)) * 80


def packed(*chunks: bytes) -> bytes:
    return b"".join(compress(chunks))


def unpacked(*chunks: bytes, limits: Limits = Limits()) -> bytes:  # noqa: B008 - frozen
    return b"".join(decompress(chunks, limits=limits))


@settings(deadline=None)
@given(st.binary(max_size=5000), st.integers(1, 700))
def test_what_was_compressed_comes_back_however_it_is_cut(plain, size):
    raw = packed(plain)
    assert unpacked(*(raw[start : start + size] for start in range(0, len(raw), size))) == plain
    assert gzip.decompress(raw) == plain


def test_the_same_bytes_come_out_however_the_input_is_cut():
    assert packed(PLAIN) == packed(*(PLAIN[start : start + 1000] for start in range(0, len(PLAIN), 1000)))


def test_the_compressor_is_the_one_that_digests_of_published_images_were_made_with():
    """A new version of the library may change this; then digests of rebuilt images change, and ADR 3 says so."""
    assert sha256(packed(PLAIN)).hexdigest() == "a492e99a08c418e673f4612aca7820dcc2cff4388dc999e0e391e2d3d22fef64"


def test_several_members_are_one_stream():
    assert unpacked(packed(b"one"), packed(b"two")) == b"onetwo"


def test_output_that_exceeds_its_input_by_far_is_complete():
    zeros = bytes(30_000_000)
    assert unpacked(packed(zeros)) == zeros


GOOD = packed(PLAIN)


@pytest.mark.parametrize(
    "raw",
    [b"", b"no gzip", GOOD[:-1], GOOD[:100], GOOD + b"x", GOOD[:-8] + bytes(8), GOOD[:500] + b"\xff" + GOOD[501:]],
    ids=["empty", "other", "cut", "cut early", "trailing", "checksum", "flipped"],
)
def test_a_damaged_stream_is_refused(raw):
    with pytest.raises(ImageRejected):
        unpacked(raw)


def test_a_bomb_is_refused_before_it_goes_off():
    bomb = zlib.compress(bytes(50_000_000), wbits=31)
    with pytest.raises(ImageRejected, match="bomb"):
        unpacked(bomb, limits=Limits(ratio=100, ratio_from=1 << 20))
    with pytest.raises(ImageRejected, match="more than"):
        unpacked(bomb, limits=Limits(layer_size=1 << 20))


@settings(deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_flipped_byte_never_gives_other_bytes(position, mask):
    raw = bytearray(GOOD)
    raw[position] ^= mask
    try:
        plain = unpacked(bytes(raw))
    except ImageRejected:
        return
    assert plain == PLAIN  # a flip in the header's name or time
