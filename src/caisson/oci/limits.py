"""How much of a stranger's image is read before it counts as an attack."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one layer: bytes when unpacked, entries, and how many bytes one compressed byte may become.

    The ratio counts from `ratio_from` bytes on: small files of zeros are common, large ones are bombs.
    Deflate itself cannot exceed 1,032.
    """

    layer_size: int = 32 << 30
    entries: int = 2_000_000
    ratio: int = 200
    ratio_from: int = 1 << 30


DEFAULT = Limits()
