"""Enclaves to take apart, and a second, slow reading of docs/reference/measurement.md to compare with."""

import hashlib
import struct
import tomllib
from dataclasses import dataclass

import pytest

from caisson.enclave import SigningKey

PAGE = 4096


@dataclass
class Load:
    """What a PT_LOAD of a made ELF file shall be; `size` counts the bytes in the file, `bss` those after them."""

    address: int
    size: int
    bss: int = 0
    flags: int = 5


def build_elf(loads, *, entry=0x40, kind=3):
    """An ELF file with these PT_LOADs; every byte between them is 0xEE, so that a leak is seen."""
    table = 64
    raw = bytearray(b"\xee" * (table + 56 * len(loads)))
    headers = []
    for number, load in enumerate(loads):
        offset = -(-len(raw) // PAGE) * PAGE + load.address % PAGE
        raw += b"\xee" * (offset - len(raw))
        raw += bytes((number * 7 + at * 13) % 255 + 1 for at in range(load.size))
        headers.append(
            struct.pack(
                "<IIQQQQQQ", 1, load.flags, offset, load.address, load.address, load.size, load.size + load.bss, PAGE
            )
        )
    raw += b"\xee" * 100
    raw[:64] = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", kind, 62, 1, entry, table, 0, 0, 64, 56, len(loads), 64, 0, 0
    )
    raw[table : table + 56 * len(loads)] = b"".join(headers)
    return bytes(raw)


def slow_measure(pal, manifest):
    """MRENCLAVE, page by page and with none of the product's code."""
    sgx = tomllib.loads(manifest.decode())["sgx"]
    scale = {"K": 10, "M": 20, "G": 30}.get(sgx["enclave_size"][-1], 0)
    size = int(sgx["enclave_size"].rstrip("KMG"), 0) << scale
    log = hashlib.sha256(struct.pack("<8sIQ44x", b"ECREATE", 4, size))
    for start, flags, content, length in slow_areas(pal, manifest + b"\0", size, sgx):
        for offset in range(start, start + length, PAGE):
            log.update(b"EADD".ljust(8, b"\0") + struct.pack("<QQ40x", offset, flags))
            if content is None:
                continue
            page = content[offset - start : offset - start + PAGE].ljust(PAGE, b"\0")
            for at in range(0, PAGE, 256):
                log.update(b"EEXTEND\0" + struct.pack("<Q48x", offset + at) + page[at : at + 256])
    return log.hexdigest()


def slow_areas(pal, text, size, sgx):
    threads = sgx["max_threads"]
    manifest = size - -(-len(text) // PAGE) * PAGE
    ssa = manifest - threads * 0x8000
    tcs = ssa - threads * PAGE
    tls = tcs - threads * PAGE
    stacks = [tls - (number + 1) * 0x40000 for number in range(threads)]
    signal_stacks = [stacks[-1] - (number + 1) * 0x10000 for number in range(threads)]
    entry, loads = slow_loads(pal)
    low = min(load[3] // PAGE * PAGE for load in loads)
    high = max(-(-(load[3] + load[6]) // PAGE) * PAGE for load in loads)
    where = low or signal_stacks[-1] - high

    yield manifest, 0x201, text, size - manifest
    yield ssa, 0x203, b"", threads * 0x8000
    for number in range(threads):
        fields = {0x10: ssa + number * 0x8000, 0x20: where + entry, 0x38: tls + number * PAGE}
        yield tcs + number * PAGE, 0x100, slow_page({**fields, 0x18: 2 << 32, 0x40: 0xFFF | 0xFFF << 32}), PAGE
    for number in range(threads):
        fields = {
            0x0: tls + number * PAGE,
            0x8: 0xBADBADBADBAD,
            0x110: size,
            0x118: tcs + number * PAGE,
            0x120: stacks[number] + 0x40000,
            0x130: signal_stacks[number],
            0x138: signal_stacks[number] + 0x10000,
            0x148: ssa + number * 0x8000,
            0x150: ssa + number * 0x8000 + 0x4000 - 0xB8,
            0x1A0: len(text),
            0x1A8: 0x10000,
            0x1B0: where,
        }
        yield tls + number * PAGE, 0x203, slow_page(fields), PAGE
    yield from ((stack, 0x203, b"", 0x40000) for stack in stacks)
    yield from ((stack, 0x203, b"", 0x10000) for stack in signal_stacks)
    for _, flags, offset, address, _, in_file, in_memory, _ in loads:
        memory = bytes(address % PAGE) + pal[offset : offset + in_file] + bytes(in_memory - in_file)
        secinfo = 0x200 | bool(flags & 4) | bool(flags & 2) << 1 | bool(flags & 1) << 2
        yield where - low + address // PAGE * PAGE, secinfo, memory, -(-len(memory) // PAGE) * PAGE
    if not sgx.get("edmm_enable", False):
        gaps = [(high, signal_stacks[-1]), (0x10000, low)] if low else [(0x10000, where)]
        yield from ((start, 0x207, None, end - start) for start, end in gaps)


def slow_loads(pal):
    entry, table = struct.unpack_from("<QQ", pal, 24)
    count = struct.unpack_from("<H", pal, 56)[0]
    headers = [struct.unpack_from("<IIQQQQQQ", pal, table + 56 * number) for number in range(count)]
    return entry, [header for header in headers if header[0] == 1]


def slow_page(fields):
    page = bytearray(PAGE)
    for at, value in fields.items():
        struct.pack_into("<Q", page, at, value)
    return bytes(page)


@pytest.fixture(scope="session")
def pal():
    """A small PAL with code, a gap, data and bss."""
    return build_elf([Load(0, 0x1800, flags=5), Load(0x4FF0, 0x900, bss=0x3000, flags=6)])


@pytest.fixture(scope="session")
def manifest():
    return b'[sgx]\nenclave_size = "32M"\nmax_threads = 4\nisvprodid = 7\nisvsvn = 2\n'


@pytest.fixture(scope="session")
def key():
    return SigningKey.generate()


@pytest.fixture(scope="session")
def make_elf():
    return build_elf


@pytest.fixture(scope="session")
def load():
    return Load


@pytest.fixture(scope="session")
def slow():
    return slow_measure
