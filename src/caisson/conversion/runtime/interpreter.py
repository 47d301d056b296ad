"""Giving a program its interpreter and its library directory, wherever the image has others, or none.

Gramine's SGX loader is an ordinary dynamic program of the host. In an image it must not depend on the image's
libraries, which may be older, of another kind, or not there. It is not measured: whoever changes it gains nothing.

Source: System V gABI, chapter 5. The file gets one more PT_LOAD, made of the header of a note, for a longer string
table and for the interpreter's path; and one of the empty entries at the end of the dynamic section becomes DT_RUNPATH.
"""

import struct
from dataclasses import dataclass

from caisson.errors import ImageRejected

_HEADER = struct.Struct("<4s5B7xHHIQQQIHHHHHH")
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")
_LOAD, _DYNAMIC_SEGMENT, _INTERPRETER, _NOTE = 1, 2, 3, 4
_NULL, _STRTAB, _STRSZ, _RPATH, _RUNPATH = 0, 5, 10, 15, 29
_READ = 4
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class _Program:
    """One program header: where it stands, and its fields."""

    at: int
    kind: int
    offset: int
    address: int
    size: int
    memory_size: int


def settle(raw: bytes, *, interpreter: str, runpath: str) -> bytes:
    """Give the program with another interpreter, that looks for libraries in `runpath` first.

    Raises:
        ImageRejected: not a dynamic program, or one that leaves no room for the change.
    """
    try:
        return _settled(bytearray(raw), interpreter.encode() + b"\0", runpath.encode() + b"\0")
    except (struct.error, LookupError, StopIteration, ValueError) as cause:
        raise ImageRejected("the loader is not a dynamic program that can be given another interpreter") from cause


def _settled(raw: bytearray, interpreter: bytes, runpath: bytes) -> bytes:
    programs = _programs(raw)
    loads = [program for program in programs if program.kind == _LOAD]
    note = next(program for program in programs if program.kind == _NOTE)
    named = next(program for program in programs if program.kind == _INTERPRETER)
    dynamic = next(program for program in programs if program.kind == _DYNAMIC_SEGMENT)

    entries = list(_DYNAMIC.iter_unpack(raw[dynamic.offset : dynamic.offset + dynamic.size]))
    tags = dict(entries)
    strings = next(load for load in loads if load.address <= tags[_STRTAB] < load.address + load.size)
    start = strings.offset + tags[_STRTAB] - strings.address
    table = raw[start : start + tags[_STRSZ]]
    free = entries.index((_NULL, 0))
    if free + 1 >= len(entries) or _RPATH in tags or _RUNPATH in tags or len(table) != tags[_STRSZ]:
        raise LookupError("dynamic section")

    raw += bytes(-len(raw) % _PAGE)
    offset = len(raw)
    address = max(load.address + load.memory_size for load in loads)
    address += -address % _PAGE
    added = bytes(table) + runpath + interpreter
    raw += added

    def put(program: _Program, kind: int, at: int, size: int) -> None:
        place, where = offset + at, address + at
        alignment = _PAGE if kind == _LOAD else 1
        _PROGRAM_HEADER.pack_into(raw, program.at, kind, _READ, place, where, where, size, size, alignment)

    put(note, _LOAD, 0, len(added))
    put(named, _INTERPRETER, len(table) + len(runpath), len(interpreter))
    entries[free] = (_RUNPATH, len(table))
    changed = {_STRTAB: address, _STRSZ: len(table) + len(runpath)}
    entries = [(tag, changed.get(tag, value)) for tag, value in entries]
    for number, entry in enumerate(entries):
        _DYNAMIC.pack_into(raw, dynamic.offset + number * _DYNAMIC.size, *entry)
    _sort_loads(raw, programs)
    return bytes(raw)


def _sort_loads(raw: bytearray, programs: list[_Program]) -> None:
    """Put the program headers so that PT_LOADs ascend by address, as the kernel and ld.so require."""
    headers = [_PROGRAM_HEADER.unpack_from(raw, program.at) for program in programs]
    loads = iter(sorted((header for header in headers if header[0] == _LOAD), key=lambda header: header[3]))
    last = max(number for number, header in enumerate(headers) if header[0] == _LOAD)
    others = [header for header in headers if header[0] != _LOAD]
    first = next(number for number, header in enumerate(headers) if header[0] == _LOAD)
    ordered = [*others[:first], *loads, *others[first:]]
    if last < first or len(ordered) != len(headers):
        raise LookupError("program headers")
    for program, header in zip(programs, ordered, strict=True):
        _PROGRAM_HEADER.pack_into(raw, program.at, *header)


def _programs(raw: bytearray) -> list[_Program]:
    fields = _HEADER.unpack_from(raw)
    table, entry_size, count = fields[10], fields[14], fields[15]
    if bytes(fields[0]) != b"\x7fELF" or entry_size != _PROGRAM_HEADER.size or table + count * entry_size > len(raw):
        raise LookupError("program headers")
    programs = []
    for number in range(count):
        at = table + number * entry_size
        kind, _, offset, address, _, size, memory_size, _ = _PROGRAM_HEADER.unpack_from(raw, at)
        if offset + size > len(raw):
            raise LookupError("segment")
        programs.append(_Program(at=at, kind=kind, offset=offset, address=address, size=size, memory_size=memory_size))
    return programs
