"""Compressed layers: gzip and Zstandard that someone else made."""

import contextlib
import gzip

from caisson.errors import CaissonError
from caisson.oci import Limits
from caisson.oci.decompression import decompress, decompress_zstd, zstd

PLAIN = b"some text, some more text, and some text again" * 20
LIMITS = Limits(layer_size=1 << 20, ratio_from=1 << 16)


def check(raw):
    for read in (decompress, decompress_zstd):
        with contextlib.suppress(CaissonError):
            size = sum(map(len, read((raw[:20], raw[20:]), limits=LIMITS)))
            assert size <= LIMITS.layer_size


def extra_seeds():
    inputs = (PLAIN, b"", bytes(1 << 17), PLAIN[:40])
    return [gzip.compress(plain, mtime=0) for plain in inputs] + [zstd.compress(plain) for plain in inputs]
