"""Converting the Redis image, against reading and compressing its layer once (goal: 1.5 times).

The peer is zlib at its quickest level, on one core, as image tools compress layers. Caisson's own compressor is several
times as quick, so a second line tells, without a goal, what the rest of a conversion costs beside it: hashing the layer
twice, reading the archive, hashing trusted files, measuring the enclave, and making the new layer.
"""

import math
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from isal import isal_zlib

from caisson import catalog
from caisson.conversion import build_rootfs, convert, premain
from caisson.enclave import SigningKey
from caisson.oci import Reference, source

CACHE = Path(__file__).parent.parent / "build" / "demo" / "cache"
ROUNDS = 9
CHUNK = 1 << 20
GOAL = 1.5


class Compressor(Protocol):
    """What zlib's and igzip's compressors offer."""

    def compress(self, data: bytes, /) -> bytes:
        """Take more."""

    def flush(self) -> bytes:
        """Give the rest."""


def seconds(action: Callable[[Path], object]) -> float:
    """Time one call, which gets an empty directory."""
    with tempfile.TemporaryDirectory() as directory:
        start = time.perf_counter()
        action(Path(directory))
        return time.perf_counter() - start


def main() -> None:
    """Build the root file system if it is not there, convert it, print the ratio."""
    recipe = catalog.load("redis").recipe
    if recipe.source.debian is None:
        raise SystemExit("error: the recipe has no Debian source")
    archive = build_rootfs(recipe.source.debian, CACHE)
    key, agent = SigningKey.generate(), premain()

    def conversion(scratch: Path) -> None:
        plain = source(Reference(transport="rootfs", location=str(archive))).read(scratch=scratch)
        built = convert(plain, recipe, signer=key, premain=agent, scratch=scratch)
        _ = built.image.digest  # nothing is left to be done when this is known

    def once(scratch: Path, compressor: Compressor) -> None:
        with archive.open("rb") as plain, (scratch / "layer.tar.gz").open("wb") as packed:
            while chunk := plain.read(CHUNK):
                packed.write(compressor.compress(chunk))
            packed.write(compressor.flush())

    ours, usual, own = math.inf, math.inf, math.inf
    for _ in range(ROUNDS):
        ours = min(ours, seconds(conversion))
        usual = min(usual, seconds(lambda scratch: once(scratch, zlib.compressobj(1, wbits=31))))
        own = min(own, seconds(lambda scratch: once(scratch, isal_zlib.compressobj(2, isal_zlib.DEFLATED, 31))))
    print(
        f"conversion of Redis, {archive.stat().st_size / 1e6:.0f} MB: {ours * 1e3:.0f} ms; reading and compressing its"
        f" layer once (zlib, level 1): {usual * 1e3:.0f} ms; ratio {ours / usual:.2f} (goal {GOAL})"
    )
    print(f"  the same with igzip, level 2: {own * 1e3:.0f} ms; ratio {ours / own:.2f}")


if __name__ == "__main__":
    main()
