"""What the registers of CPUID mean for SGX (SDM vol. 2A, CPUID, leaves 0, 1, 7 and 12H; vol. 3D, 36.7)."""

import struct
from dataclasses import dataclass
from typing import Self

from caisson.doctor.readings import Sight

_FEATURES, _SGX = 0x7, 0x12
_SECTIONS = range(2, 10)
_BRAND = range(0x8000_0002, 0x8000_0005)
_LOW, _HIGH = 0xFFFF_F000, 0xF_FFFF
_VALID = 1
_PROTECTIONS = {1: "confidentiality and integrity", 2: "confidentiality", 3: "confidentiality and integrity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the enclave page cache: its size in bytes, and what protects it outside of the CPU."""

    size: int
    protection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """A CPU. `sgx1` is set only where firmware switched SGX on. `largest` is an exponent of two; `xfrm` a mask."""

    vendor: str
    brand: str
    virtual: bool
    sgx: bool
    launch_control: bool
    fsgsbase: bool
    sgx1: bool
    sgx2: bool
    misc_select: int
    largest: int
    xfrm: int
    sections: tuple[Section, ...]

    @classmethod
    def of(cls, sight: Sight) -> Self | None:
        """Read the registers; None if they were not read."""
        first = sight.leaf(0)
        if first is None:
            return None
        features, version = sight.leaf(_FEATURES), sight.leaf(1)
        sgx = features is not None and bool(features.ebx >> 2 & 1)
        capabilities, attributes = sight.leaf(_SGX, 0), sight.leaf(_SGX, 1)
        return cls(
            vendor=_text(first.ebx, first.edx, first.ecx),
            brand=_brand(sight),
            virtual=version is not None and bool(version.ecx >> 31),
            sgx=sgx,
            launch_control=sgx and features is not None and bool(features.ecx >> 30 & 1),
            fsgsbase=features is not None and bool(features.ebx & 1),
            sgx1=capabilities is not None and bool(capabilities.eax & 1),
            sgx2=capabilities is not None and bool(capabilities.eax >> 1 & 1),
            misc_select=0 if capabilities is None else capabilities.ebx,
            largest=0 if capabilities is None else capabilities.edx >> 8 & 0xFF,
            xfrm=0 if attributes is None else attributes.ecx | attributes.edx << 32,
            sections=tuple(_sections(sight)),
        )

    @property
    def pages(self) -> int:
        """The enclave page cache, in bytes."""
        return sum(section.size for section in self.sections)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.brand or self.vendor or "a CPU without a name"


def _sections(sight: Sight) -> list[Section]:
    found = []
    for number in _SECTIONS:
        leaf = sight.leaf(_SGX, number)
        if leaf is None or leaf.eax & 0xF != _VALID:
            break
        size = (leaf.edx & _HIGH) << 32 | (leaf.ecx & _LOW)
        found.append(Section(size=size, protection=_PROTECTIONS.get(leaf.ecx & 0xF, "a kind that is not known")))
    return found


def _brand(sight: Sight) -> str:
    parts = []
    for number in _BRAND:
        leaf = sight.leaf(number)
        if leaf is None:
            return ""
        parts.append(_text(leaf.eax, leaf.ebx, leaf.ecx, leaf.edx))
    return " ".join("".join(parts).split())


def _text(*registers: int) -> str:
    return struct.pack(f"<{len(registers)}I", *registers).rstrip(b"\0").decode("ascii", errors="replace")
