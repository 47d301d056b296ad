"""First what needs the network, then, with a Docker engine at hand, the story."""

import os
import sys
import time
from pathlib import Path

from caisson import catalog
from caisson.conversion import build_rootfs
from demo import CACHE
from demo.stage import say

WRAPPER = Path(__file__).parent.parent / "scripts" / "with-docker"


def main() -> None:
    """Fetch Debian's Redis, then tell the story inside `scripts/with-docker`."""
    start = time.monotonic()
    source = catalog.load("redis").recipe.source.debian
    if source is None:
        raise SystemExit("error: the recipe has no Debian source")
    known = CACHE.is_dir() and any(CACHE.iterdir())
    archive = build_rootfs(source, CACHE)
    origin = "from the last run" if known else "out of Debian's packages"
    say(f"Redis's root file system, {archive.stat().st_size / 1e6:.0f} MB, {origin}", time.monotonic() - start)
    os.execv(WRAPPER, [str(WRAPPER), sys.executable, "-m", "demo.story"])


main()
