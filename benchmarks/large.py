"""An image of 1 GiB: conversion against `skopeo copy`, signing against plain hashing, `verify` against `sha256sum`.

Conversion (goal: 1.3 times). Both programs read the same `docker-archive:`, whose layers are not compressed, just as
`docker save` writes them, and write an `oci:` layout of compressed layers. So both do the costly part, each with its
own compressor. Caisson hashes every file of the image as trusted besides. A second line, with the same goal, begins
with a layout that is compressed already. There skopeo hashes the blobs and copies them. A conversion hashes them, too,
and copies nothing, but has to unpack them, and to hash what they unpack to and each file in it.

Hashing and signing (goal: 1 time) of all files, against hashing the same bytes in one Python thread.

Verifying (goal: 1.5 times) a confidential image in a layout, against `sha256sum` over the bytes that its manifest and
its configuration give digests of: the blobs, and the unpacked layers.

Of programs the time on the clock counts; the time on all cores is given beside it: that is nearly the same on a busy
machine, and says how much of the clock was spent waiting for others.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self, TypeVar

from caisson.conversion import premain
from caisson.conversion.content import Content
from caisson.enclave import SigningKey, sign
from caisson.oci import FileLayer, Image, ImageConfig, Reference, append, sink, source, tar

T = TypeVar("T")

MEBIBYTE = 1 << 20
LAYERS, FILES, FILE_SIZE = 4, 128, 2 * MEBIBYTE
ROUNDS = 3
CONVERSION_GOAL, SIGNING_GOAL, VERIFYING_GOAL = 1.3, 1.0, 1.5
RECIPE = """
version = 1
name = "large"
summary = "is large"
[application]
command = ["/bin/program"]
[files]
trusted = ["/data"]
[enclave]
size = "256M"
max_threads = 4
isv_prod_id = 1
isv_svn = 1
"""
MANIFEST = b'[sgx]\nenclave_size = "256M"\nmax_threads = 4\n'


def large_image(scratch: Path) -> Image:
    """Make an image of 1 GiB, always the same: half of each file is random, half is words, as in programs and texts."""
    image = Image.build(ImageConfig(), ())
    for number in range(LAYERS):
        image = append(image, FileLayer.pack(_layer(number), scratch=scratch), created_by=f"layer {number}")
    return image


def _layer(number: int) -> Iterator[bytes]:
    chance = random.Random(number)
    words = [chance.randbytes(chance.randrange(3, 9)).hex().encode() for _ in range(4000)]
    for index in range(FILES):
        random_half = chance.randbytes(FILE_SIZE // 2)
        text = b" ".join(chance.choices(words, k=FILE_SIZE // 18))
        yield from _file(f"data/{number}/{index}", (random_half + text.ljust(FILE_SIZE // 2))[:FILE_SIZE])
    if number == 0:
        yield from _file("bin/program", premain())
    yield tar.end()


def _file(path: str, content: bytes) -> Iterator[bytes]:
    yield tar.member(tar.Entry(path=path, kind=tar.Kind.FILE, mode=0o755, size=len(content)))
    yield content
    yield tar.padding(len(content))


def caisson(*arguments: str) -> list[str]:
    """Give the command line of a `caisson` of this interpreter."""
    return [sys.executable, "-m", "caisson.cli", *arguments]


# Measured by a small process: what a child is charged with begins with the memory of whoever starts it.
METER = """
import resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(status)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a program took: seconds on the clock and on all cores, and its most resident memory in bytes."""

    seconds: float
    busy: float
    memory: int

    @classmethod
    def best(cls, runs: Sequence["Run"]) -> Self:
        """Give the least of each time, and the most memory."""
        return cls(
            seconds=min(each.seconds for each in runs),
            busy=min(each.busy for each in runs),
            memory=max(each.memory for each in runs),
        )

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s ({self.busy:.2f} s on all cores)"


def run(command: list[str]) -> Run:
    """Run a program."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", METER, *command], stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)} failed")
    seconds, busy, kibibytes = done.stdout.split()
    return Run(seconds=float(seconds), busy=float(busy), memory=int(kibibytes) * 1024)


def in_turns(ours: Callable[[], T], peer: Callable[[], T]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Measure both in turns; give what was measured of each."""
    measured = [(ours(), peer()) for _ in range(ROUNDS)]
    return tuple(each[0] for each in measured), tuple(each[1] for each in measured)


def conversion(directory: Path, origin: str, what: str) -> None:
    """Compare conversion with copying."""

    def ours() -> Run:
        keys = ("--recipe", str(directory / "caisson.toml"), "--key", str(directory / "key.pem"), "--force")
        return run(caisson("build", *keys, origin, f"oci:{directory}/ours:v1"))

    def peer() -> Run:
        with tempfile.TemporaryDirectory(dir=directory) as copied:
            return run(["skopeo", "copy", "--quiet", origin, f"oci:{copied}/peer:v1"])

    us, them = map(Run.best, in_turns(ours, peer))
    print(
        f"conversion of 1 GiB, {what}: {us}, {us.memory / MEBIBYTE:.0f} MiB resident; skopeo copy: {them};"
        f" ratio {us.seconds / them.seconds:.2f} (goal {CONVERSION_GOAL})"
    )


def signing(directory: Path, origin: str) -> None:
    """Compare hashing all files on all cores, measuring and signing, with hashing them one after another.

    The image is one whose layers are not compressed: of others, large files are hashed while they are unpacked.
    """
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        image = source(Reference.parse(origin)).read(scratch=Path(scratch))
        _ = image.digest  # nothing is compressed any more when this is known
        content = Content(image)
        paths = content.files_below("/data")
        regions = [region for path in paths if (region := content.region(path)) is not None]
        key, agent = SigningKey.generate(), premain()

        def ours() -> float:
            start = time.perf_counter()
            content.digests(paths)
            sign(agent, MANIFEST, key, date="0000-00-00")
            return time.perf_counter() - start

        def peer() -> float:
            start = time.perf_counter()
            for region in regions:
                state = sha256()
                for chunk in region.chunks():
                    state.update(chunk)
                state.hexdigest()
            return time.perf_counter() - start

        seconds, peers = map(min, in_turns(ours, peer))
    print(
        f"hashing 1 GiB and signing: {seconds * 1e3:.0f} ms; hashing in one thread: {peers * 1e3:.0f} ms;"
        f" ratio {seconds / peers:.2f} (goal {SIGNING_GOAL})"
    )


def verifying(directory: Path) -> None:
    """Compare verifying with hashing blobs and unpacked layers."""
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        image = source(Reference.parse(f"oci:{directory}/ours:v1")).read(scratch=Path(scratch))
        blobs = Path(directory) / "ours" / "blobs" / "sha256"
        files = [str(blobs / layer.descriptor.digest.hex) for layer in image.layers]
        files += [str(layer.archive().path) for layer in image.layers]
        verify, sums = caisson("verify", f"oci:{directory}/ours:v1"), ["sha256sum", *files]
        us, them = map(Run.best, in_turns(lambda: run(verify), lambda: run(sums)))
    print(
        f"verify of 1 GiB: {us}; sha256sum of blobs and layers: {them};"
        f" ratio {us.seconds / them.seconds:.2f} (goal {VERIFYING_GOAL})"
    )


def main() -> None:
    """Make the image, print one line for each comparison."""
    with tempfile.TemporaryDirectory(prefix="caisson-bench-") as name:
        directory = Path(name)
        (directory / "caisson.toml").write_text(RECIPE)
        (directory / "key.pem").write_bytes(SigningKey.generate().to_pem(None))
        archive, layout = f"docker-archive:{directory}/plain.tar:plain:v1", f"oci:{directory}/plain:v1"
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            image = large_image(Path(scratch))
            for place in (archive, layout):
                sink(Reference.parse(place)).write(image)
        conversion(directory, archive, "compressing")
        conversion(directory, layout, "compressed already")
        signing(directory, archive)
        verifying(directory)


if __name__ == "__main__":
    main()
