"""The only step that needs the network: Debian's Redis, as a root file system."""

import time

from caisson import catalog
from caisson.conversion import build_rootfs
from demo import CACHE
from demo.stage import say


def main() -> None:
    """Fetch it, unless it is there from an earlier run."""
    start = time.monotonic()
    source = catalog.load("redis").recipe.source.debian
    if source is None:
        raise SystemExit("error: the recipe has no Debian source")
    known = CACHE.is_dir() and any(CACHE.iterdir())
    archive = build_rootfs(source, CACHE)
    origin = "from an earlier run" if known else "out of Debian's packages"
    say(f"Redis's root file system, {archive.stat().st_size / 1e6:.0f} MB, {origin}", time.monotonic() - start)


if __name__ == "__main__":
    main()
