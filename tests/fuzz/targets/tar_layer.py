"""Layers: tar archives that someone else made."""

import tempfile
from pathlib import Path

from caisson.oci import Region, tar


def check(raw):
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "layer"
        path.write_bytes(raw)
        for _ in tar.read_archive(Region.of(path)):
            pass


def extra_seeds():
    entry = tar.Entry(path="a/b", kind=tar.Kind.FILE, mode=0o644, size=3)
    return [b"".join((tar.member(entry), b"abc", tar.padding(3), tar.end()))]
