"""The only step that needs the network: what an entry of the catalog is made of, as a root file system."""

import time

from caisson import catalog
from caisson.conversion import fetch_source
from demo import CACHE
from demo.stage import say


def fetch(name: str) -> None:
    """Fetch what an entry is made of, unless it is there from an earlier run, or its recipe names no packages."""
    start = time.monotonic()
    source = catalog.load(name).recipe.source
    if source.debian is None:
        return
    known = set(CACHE.iterdir()) if CACHE.is_dir() else set()
    parts = fetch_source(source, source.debian, CACHE)
    origin = "from an earlier run" if known.issuperset(parts) else "out of Debian's packages"
    say(f"{name}'s root file system, {parts[0].stat().st_size / 1e6:.0f} MB, {origin}", time.monotonic() - start)


if __name__ == "__main__":
    fetch("redis")
