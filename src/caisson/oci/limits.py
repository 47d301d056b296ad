"""How much of a stranger's image is read before it counts as an attack."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on an image: its layers; and on each of them: unpacked bytes, entries, what one byte becomes.

    The ratio counts from `ratio_from` bytes on: small files of zeros are common, large ones are bombs.
    Deflate itself cannot exceed 1,032.
    """

    layers: int = 1_000
    layer_size: int = 32 << 30
    entries: int = 1_000_000
    ratio: int = 200
    ratio_from: int = 1 << 30


DEFAULT = Limits()
