"""Converting the Redis image, against reading and compressing its layer once (goal: 1.5 times)."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from isal import isal_zlib

from caisson import catalog
from caisson.conversion import build_rootfs, convert, premain
from caisson.enclave import SigningKey
from caisson.oci import Reference, source

CACHE = Path(__file__).parent.parent / "build" / "demo" / "cache"
ROUNDS = 9
LEVEL = 2  # the one that Caisson uses
GOAL = 1.5


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

    def once(scratch: Path) -> None:
        compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, 16 + isal_zlib.MAX_WBITS)
        with archive.open("rb") as plain, (scratch / "layer.tar.gz").open("wb") as packed:
            while chunk := plain.read(1 << 20):
                packed.write(compressor.compress(chunk))
            packed.write(compressor.flush())

    pairs = [(seconds(conversion), seconds(once)) for _ in range(ROUNDS)]
    ours, peer = (min(times) for times in zip(*pairs, strict=True))
    print(
        f"conversion of Redis, {archive.stat().st_size / 1e6:.0f} MB: {ours * 1e3:.0f} ms; reading and compressing its"
        f" layer once (igzip, level {LEVEL}): {peer * 1e3:.0f} ms; ratio {ours / peer:.2f} (goal {GOAL})"
    )


if __name__ == "__main__":
    main()
