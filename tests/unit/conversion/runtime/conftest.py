"""An installation of Gramine in which every part says its name, and real programs for what has to be one."""

import struct
from pathlib import Path

import pytest

from caisson.conversion.runtime import HostFiles, RuntimeStore, find_release

PREFIX = "opt/gramine"


def program(*, interpreter=b"/lib64/ld.so", needed=(b"libaesm.so.1", b"libc.so.6"), spare=2, marks=b"") -> bytes:
    """A dynamic program as ld writes it: a note, an interpreter, PT_LOADs that ascend, spare dynamic entries."""
    names = b"\0" + b"".join(name + b"\0" for name in needed)
    tags = [(1, names.index(name)) for name in needed]
    start = 64 + 56 * 5
    strings = start + 16 * (len(tags) + 3 + spare)
    tags += [(5, strings), (10, len(names)), *((0, 0),) * (spare + 1)]
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    assert start + len(dynamic) == strings
    path = strings + len(names)
    note = path + len(interpreter) + 1
    body = dynamic + names + interpreter + b"\0" + b"note" + marks
    end = start + len(body)

    def header(kind, offset, size, flags=4):
        return struct.pack("<IIQQQQQQ", kind, flags, offset, offset, offset, size, size, 4096)

    headers = (
        header(3, path, len(interpreter) + 1)
        + header(1, 0, end, 5)
        + header(2, start, len(dynamic))
        + header(4, note, 4)
        + header(0x6474E551, 0, 0)
    )
    elf = struct.pack("<4s5B7xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, 3, 62, 1, start, 64, 0, 0, 64, 56, 5, 0, 0, 0)
    return elf + headers + body


def library(marks=b"") -> bytes:
    return program(needed=(b"libc.so.6",), marks=marks)


INSTALLED = {
    "lib64/ld.so": library(b"the host's interpreter"),
    "lib/libc.so.6": library(b"the host's libc"),
    "usr/lib/libaesm.so.1": library(b"aesm"),
    f"{PREFIX}/bin/gramine-sgx": b'#!/bin/bash\necho "Gramine 1.9 (abcdef)"\n',
    f"{PREFIX}/lib/gramine/libsysdb.so": b"library OS",
    f"{PREFIX}/lib/gramine/direct/libpal.so": b"direct PAL",
    f"{PREFIX}/lib/gramine/sgx/libpal.so": b"SGX PAL",
    f"{PREFIX}/lib/gramine/sgx/loader": program(marks=b"loader"),
    f"{PREFIX}/lib/gramine/runtime/glibc/libc.so.6": library(b"GNU C Library (GNU libc) stable release version 2.40."),
    f"{PREFIX}/lib/gramine/runtime/glibc/ld-linux-x86-64.so.2": library(b"\0/opt/gramine/etc/ld.so.cache\0"),
    f"{PREFIX}/lib/gramine/runtime/glibc/libsecret_prov.so.1": library(b"no part of a C library"),
    f"{PREFIX}/lib/gramine/runtime/glibc/crt1.o": b"object",
}


def install(root: Path, *, changes: dict[str, bytes | None] | None = None) -> HostFiles:
    for name, content in {**INSTALLED, **(changes or {})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(content)
    return HostFiles(root)


@pytest.fixture
def release(tmp_path):
    return find_release(install(tmp_path / "machine"), prefix=f"/{PREFIX}")


@pytest.fixture
def store(tmp_path):
    return RuntimeStore(tmp_path / "runtimes")
