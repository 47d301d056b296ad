"""What the catalog's tests need from the network, before they run without one: root file systems and clients.

python -m tests.catalog.fetch
"""

import subprocess

from caisson import catalog
from caisson.cli.image import PACKAGES
from caisson.conversion import DebianSource, build_rootfs
from demo import CACHE
from demo.fetch import fetch
from tests.catalog import upstream
from tests.catalog.supplied import can_be_had


def main():
    packages = set()
    for name in catalog.names():
        fetch(name)
        if can_be_had(name):
            packages.update(catalog.load(name).conformance().packages)
    build_rootfs(DebianSource(suite="bookworm", packages=PACKAGES), CACHE)
    for name in upstream.LAYOUTS:
        upstream.fetch(name)
    known = subprocess.run(["dpkg-query", "--show", "--showformat", "${Package}\n"], capture_output=True, check=True)
    missing = sorted(packages.difference(known.stdout.decode().split()))
    if missing:
        subprocess.run(["apt-get", "update", "-q"], check=True)
        subprocess.run(["apt-get", "install", "-yq", "--no-install-recommends", *missing], check=True)


if __name__ == "__main__":
    main()
