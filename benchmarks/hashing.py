"""Hashing an image's trusted files, against coreutils' `sha256sum` over the same files (goal: 0.7 times, two cores)."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from caisson.conversion.content import Content
from caisson.oci import Reference, source

FILES, SIZE = 256, 1 << 20
ROUNDS = 5
GOAL = 0.7


def best_of(action: Callable[[], object]) -> float:
    """Give the seconds of the quickest of some runs."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Make a tree, hash it both ways, print the ratio."""
    with tempfile.TemporaryDirectory() as directory:
        root, scratch = Path(directory) / "root", Path(directory) / "scratch"
        root.mkdir()
        scratch.mkdir()
        for number in range(FILES):
            (root / f"{number:03}").write_bytes(os.urandom(SIZE))
        names = sorted(str(path) for path in root.iterdir())
        content = Content(source(Reference.parse(f"rootfs:{root}")).read(scratch=scratch))
        paths = [f"/{Path(name).name}" for name in names]
        expected = subprocess.run(["sha256sum", *names], capture_output=True, text=True, check=True).stdout
        found = content.digests(paths)
        if [line.split()[0] for line in expected.splitlines()] != [found[path] for path in paths]:
            raise SystemExit("error: the hashes differ")
        peer = best_of(lambda: subprocess.run(["sha256sum", *names], stdout=subprocess.DEVNULL, check=True))
        ours = best_of(lambda: content.digests(paths))
    print(
        f"hashing {FILES} trusted files of {SIZE >> 20} MiB on {os.cpu_count()} cores: {ours * 1e3:.0f} ms;"
        f" sha256sum: {peer * 1e3:.0f} ms; ratio {ours / peer:.2f} (goal {GOAL})"
    )


if __name__ == "__main__":
    main()
