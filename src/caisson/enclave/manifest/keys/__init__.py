"""Every key of Gramine 1.9's manifest: the one table that model, lint, explanations and documentation are made from."""

import re
from functools import lru_cache

from caisson.enclave.manifest.key import Key
from caisson.enclave.manifest.keys.filesystem import FS
from caisson.enclave.manifest.keys.loader import LIBOS, LOADER
from caisson.enclave.manifest.keys.sgx import SGX
from caisson.enclave.manifest.keys.system import SYS

__all__ = ["KEYS", "find", "in_section"]

KEYS: tuple[Key, ...] = (*LIBOS, *LOADER, *FS, *SGX, *SYS)

_INDEX = re.compile(r"\[[0-9]*\]")
_NAME = r'(?:[^\[\]."]+|"[^"]*")'
_PATTERNS = tuple((re.compile(re.escape(key.name).replace(r"\*", _NAME)), key) for key in KEYS)


def find(path: str) -> Key | None:
    """Find the key that a path in a manifest (`fs.mounts[3].uri`, `loader.env.PATH`) is an instance of."""
    return _find(_INDEX.sub("[]", path))


@lru_cache(maxsize=1 << 10)
def _find(path: str) -> Key | None:
    """Find the key of a path without indices: manifests have thousands of trusted files, and a hundred keys."""
    return next((key for pattern, key in _PATTERNS if pattern.fullmatch(path)), None)


def in_section(section: str) -> tuple[Key, ...]:
    """Give the keys of one table, in the order in which they are written."""
    return tuple(key for key in KEYS if key.section == section and not key.name.endswith(("*", "[]")))
