"""ELF files, as they are measured and as their libraries are looked for."""

import contextlib

from caisson.conversion.elf import read_dynamic
from caisson.enclave.elf import Elf
from caisson.errors import CaissonError


def check(raw):
    with contextlib.suppress(CaissonError):
        read_dynamic(lambda offset, size: raw[offset : offset + size] if offset >= 0 else b"", path="/x")
    Elf.parse(raw)
