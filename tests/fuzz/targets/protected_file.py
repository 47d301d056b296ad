"""Encrypted files under a known key: all that opens is what was encrypted."""

import io

from caisson.enclave.protected_files import FileKey, Reader, encrypt

KEY = FileKey(bytes(16))


def check(raw):
    for _ in Reader(io.BytesIO(raw), KEY).blocks():
        pass


def extra_seeds():
    return [sealed(size) for size in (0, 100, 3073, 10_000)]


def sealed(size):
    count = iter(range(1, 1 << 30))
    target = io.BytesIO()
    encrypt(
        io.BytesIO(bytes(size)), target, KEY, path="file", random=lambda length: next(count).to_bytes(length, "big")
    )
    return target.getvalue()
