"""What the tests below need from the network, fetched before they run without one."""

from pathlib import Path

from caisson.conversion import Recipe, build_rootfs
from demo import CACHE
from demo.fetch import fetch
from tests.system.deploy.compose import compose_v2

VISITS = Path(__file__).parent.parent.parent.parent / "docs" / "guides" / "visits" / "caisson.toml"

if __name__ == "__main__":
    compose_v2()
    fetch("nginx")
    source = Recipe.read(VISITS).source.debian
    assert source is not None
    build_rootfs(source, CACHE)
