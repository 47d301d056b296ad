"""The keys of `fs`.

Source: Gramine 1.9, Documentation/manifest-syntax.rst and python/graminelibos/manifest_check.py.
"""

from typing import get_args

from caisson.enclave.manifest.key import Key, Kind
from caisson.enclave.manifest.keys.vocabulary import BOOLEAN, TEXT, F, MountType, S


def _mount_keys(prefix: str) -> tuple[Key, ...]:
    """Give the keys that the root and every other mount have; the first is its type."""
    return (
        Key(
            name=f"{prefix}.type",
            kind=TEXT,
            security=S,
            default="chroot",
            choices=get_args(MountType),
            written=True,
            meaning="kind of file system: `chroot` shows files of the host, `encrypted` files that only the enclave"
            " can read, `tmpfs` memory of the enclave, `untrusted_shm` memory shared with the host",
        ),
        Key(name=f"{prefix}.uri", kind=TEXT, security=S, meaning="what of the host is mounted"),
        Key(
            name=f"{prefix}.key_name",
            kind=TEXT,
            security=S,
            meaning="name of the key of an encrypted mount; a name that begins with `_sgx_` is a key of this very CPU,"
            " lost with the machine or its next microcode",
        ),
        Key(
            name=f"{prefix}.enable_recovery",
            kind=BOOLEAN,
            security=S,
            default=False,
            meaning="whether an encrypted mount keeps a second file for the case that a write is cut off; costs time",
        ),
    )


EXPOSED_KEY = Key(
    name="fs.insecure__keys.*",
    kind=Kind.FS_KEY,
    security=S,
    meaning="a key for encrypted mounts, for everyone who has the image to read; for tests only",
)

FS = (
    Key(
        name="fs.start_dir",
        kind=TEXT,
        security=F,
        default="/",
        written=True,
        meaning="directory that the program starts in",
    ),
    *_mount_keys("fs.root"),
    *_mount_keys("fs.mounts[]")[:1],
    Key(
        name="fs.mounts[].path",
        kind=TEXT,
        security=S,
        written=True,
        meaning="where, inside, the file system appears",
    ),
    *_mount_keys("fs.mounts[]")[1:],
    EXPOSED_KEY,
)
