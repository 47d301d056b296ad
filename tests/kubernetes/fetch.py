"""What the cluster's tests need from the network, before they run without one.

python -m tests.kubernetes.fetch
"""

from pathlib import Path

from caisson.cli.image import PACKAGES
from caisson.conversion import DebianSource, Recipe, build_rootfs, fetch_source
from demo import CACHE
from demo.fetch import fetch
from tests.helm import helm_programs

WEB = Path(__file__).parent / "web" / "caisson.toml"


def main():
    fetch("redis")
    source = Recipe.read(WEB).source
    fetch_source(source, source.debian, CACHE)
    build_rootfs(DebianSource(suite="bookworm", packages=PACKAGES), CACHE)
    helm_programs()


if __name__ == "__main__":
    main()
