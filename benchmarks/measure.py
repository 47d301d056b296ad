"""MRENCLAVE of large enclaves against plain SHA-256 over as many bytes as their construction logs have.

All figures come from one run, each measurement beside its own plain SHA-256; the ratio is that of the best times.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from importlib.resources import files

from caisson.enclave import construction_log, measure

GOAL = 1.3
ROUNDS = 9
PIECE = bytes(1 << 18)


def plain(length: int) -> None:
    """Hash `length` zero bytes in pieces that stay in the cache, as the log's do."""
    digest = sha256()
    for _ in range(length // len(PIECE)):
        digest.update(PIECE)
    digest.update(PIECE[: length % len(PIECE)])
    digest.digest()


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(pal: bytes, gibibytes: int) -> str:
    """Measure an enclave, and hash as many bytes as its log has."""
    manifest = f'[sgx]\nenclave_size = "{gibibytes}G"\nmax_threads = 16\n'.encode()
    length = sum(map(len, construction_log(pal, manifest)))
    pairs = [(seconds(lambda: measure(pal, manifest)), seconds(lambda: plain(length))) for _ in range(ROUNDS)]
    measured, hashed = (min(times) for times in zip(*pairs, strict=True))
    return (
        f"MRENCLAVE of {gibibytes} GiB: {measured * 1e3:.1f} ms; SHA-256 of {length / 1e6:.1f} MB:"
        f" {hashed * 1e3:.1f} ms; ratio {measured / hashed:.2f} (goal {GOAL})"
    )


def main() -> None:
    """Print one line for each size."""
    pal = files("caisson.conversion").joinpath("_bin", "premain").read_bytes()
    for gibibytes in (1, 4):
        print(compare(pal, gibibytes))


if __name__ == "__main__":
    main()
