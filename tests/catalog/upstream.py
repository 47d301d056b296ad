"""Images with the layout of upstream's and real programs in them: Debian's, moved to where upstream has them.

They stand in for images that cannot be fetched here; nobody takes them for the programs of upstream's versions.
"""

import shutil
import tarfile
from dataclasses import dataclass, field

from caisson.conversion import DebianSource, build_rootfs
from caisson.oci import Reference, configure, sink, source
from demo import CACHE
from tests.unit.catalog.shapes import SCRIPT, SHAPES


@dataclass(frozen=True, kw_only=True)
class Layout:
    """`moved` says where Debian has a file, and where upstream does."""

    packages: tuple[str, ...]
    moved: dict[str, str] = field(default_factory=dict)


LAYOUTS = {
    "redis": Layout(
        packages=("redis-server", "bash", "coreutils"),
        moved={
            "usr/bin/redis-check-rdb": "usr/local/bin/redis-server",
            "usr/bin/redis-cli": "usr/local/bin/redis-cli",
            "usr/bin/redis-benchmark": "usr/local/bin/redis-benchmark",
        },
    ),
    "nginx": Layout(packages=("nginx-light", "bash", "coreutils")),
    "mariadb": Layout(packages=("mariadb-server-core", "bash", "coreutils")),
}


def fetch(name):
    """Give Debian's packages for a layout, as a root file system."""
    return build_rootfs(DebianSource(suite="bookworm", packages=LAYOUTS[name].packages), CACHE)


def make(name, directory):
    """Make the image in a directory, and give the reference by which `caisson` reads it."""
    root, shape = directory / "root", SHAPES[name]
    with tarfile.open(fetch(name)) as packed:
        packed.extraction_filter = lambda member, _: member
        packed.extractall(root)
    for old, new in LAYOUTS[name].moved.items():
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(root / old, root / new)
    for link, target in shape.links.items():
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).unlink(missing_ok=True)
        (root / link).symlink_to(target)
    for path in shape.beside:
        if path.endswith(".sh"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(SCRIPT)
            (root / path).chmod(0o755)
    (root / "etc/passwd").write_text(f"root:x:0:0:root:/root:/bin/bash\n{shape.passwd}")
    scratch = directory / "scratch"
    scratch.mkdir()
    image = configure(source(Reference(transport="rootfs", location=str(root))).read(scratch=scratch), shape.run)
    place = f"oci:{directory / 'image'}:upstream"
    sink(Reference.parse(place)).write(image)
    return place
