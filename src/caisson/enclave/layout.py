"""Where everything lies in an enclave that Gramine's loader builds, and with what in it.

Source: the rules in docs/reference/measurement.md, which Gramine 1.6 to 1.9 share.
"""

import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import Any, Self

from caisson.enclave.elf import Elf, Segment
from caisson.enclave.pages import PAGE, page_up
from caisson.enclave.parameters import EnclaveParameters
from caisson.errors import Malformed
from caisson.protocol.canonical import Members

_SSA_FRAMES = 2
_GPR_SIZE = 0xB8
_MAX_CONSTANT = 1 << 30
_CANARY = 0xBADBADBADBAD

# Thread control structure: OSSA, CSSA, NSSA, OENTRY, OFSBASE, OGSBASE, FSLIMIT, GSLIMIT (SDM vol. 3D, 37.8).
_TCS = struct.Struct("<16xQIIQ8x8xQII")
_TCS_LIMIT = 0xFFF

# Gramine's thread-local page: self, canary; enclave size, TCS, stack top; signal stack; SSA, GPR; manifest, heap.
_TLS_HEAD = struct.Struct("<QQ")
_TLS_THREAD = struct.Struct("<QQQ8xQQ8xQQ")
_TLS_THREAD_AT = 0x110
_TLS_MANIFEST = struct.Struct("<QQQ")
_TLS_MANIFEST_AT = 0x1A0


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutConstants:
    """What a release of Gramine fixes at its own build. Sizes are in bytes.

    Raises:
        Malformed: not a positive number of whole pages.
    """

    ssa_frame_pages: int
    heap_min: int
    stack: int
    signal_stack: int

    def __post_init__(self) -> None:
        for name, value in self.values().items():
            unit = 1 if name == "ssa_frame_pages" else PAGE
            if not 0 < value <= _MAX_CONSTANT or value % unit:
                raise Malformed(f"layout has `{name}` = {str(value)[:40]}, which is no positive number of pages")

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """Take the constants out of JSON.

        Raises:
            Malformed: a member is missing, unknown, or no integer.
        """
        members = Members(values, what="layout")
        constants = cls(**{name: members.integer(name) for name in cls.__dataclass_fields__})
        members.finish()
        return constants

    def values(self) -> dict[str, int]:
        """Give the constants by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def ssa_frame(self) -> int:
        """The size of one frame in which an interrupted thread's state is kept."""
        return self.ssa_frame_pages * PAGE


# Gramine 1.4 to 1.9 (pal/src/host/linux-sgx/pal_linux_defs.h).
GRAMINE = LayoutConstants(ssa_frame_pages=4, heap_min=0x10000, stack=0x40000, signal_stack=0x10000)


class PageFlags(IntFlag):
    """SECINFO.FLAGS of a page (SDM vol. 3D, 37.12): permissions and page type."""

    R = 1 << 0
    W = 1 << 1
    X = 1 << 2
    TCS = 1 << 8
    REG = 1 << 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A run of pages, added from the lowest to the highest.

    `content` fills it from its start, and zeros follow; an area whose content is None is not measured.
    """

    name: str
    offset: int
    size: int
    flags: PageFlags
    content: bytes | memoryview | None

    @property
    def end(self) -> int:
        """The offset after the last page."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """An enclave before it is measured: its size in bytes, and its areas in the order of their EADDs."""

    size: int
    areas: tuple[Area, ...]
    constants: LayoutConstants

    @classmethod
    def of(cls, pal: bytes, manifest: bytes, constants: LayoutConstants = GRAMINE) -> Self:
        """Lay out an enclave from the bytes of its PAL (an ELF file) and of its manifest.

        Raises:
            Malformed: a PAL or manifest that cannot be read, or an enclave too small for them.
        """
        parameters = EnclaveParameters.parse(manifest)
        return cls(
            size=parameters.enclave_size,
            areas=_areas(Elf.parse(pal), manifest + b"\0", parameters, constants),
            constants=constants,
        )


def _areas(elf: Elf, manifest: bytes, parameters: EnclaveParameters, constants: LayoutConstants) -> tuple[Area, ...]:
    threads = parameters.max_threads
    place = _Placement(parameters.enclave_size, constants.heap_min)
    stack, signal_stack, ssa_frame = constants.stack, constants.signal_stack, constants.ssa_frame
    read_write = PageFlags.REG | PageFlags.R | PageFlags.W
    manifest_at = place.below(page_up(len(manifest)))
    ssa = place.below(threads * _SSA_FRAMES * ssa_frame)
    tcs = place.below(threads * PAGE)
    tls = place.below(threads * PAGE)
    stacks = [place.below(stack) for _ in range(threads)]
    signal_stacks = [place.below(signal_stack) for _ in range(threads)]
    # Only a PAL that is linked to a fixed address lies there; any other goes below the stacks.
    pal = place.fixed(elf.start, elf.end) if elf.start else place.below(elf.end)

    tcs_content, tls_content = bytearray(), bytearray()
    for thread in range(threads):
        thread_ssa = ssa + thread * _SSA_FRAMES * ssa_frame
        thread_tls = tls + thread * PAGE
        # Gramine adds the entry point to the PAL's address even if that address is fixed.
        tcs_content += _tcs_page(ssa=thread_ssa, entry=pal + elf.entry, tls=thread_tls)
        page = bytearray(PAGE)
        _TLS_HEAD.pack_into(page, 0, thread_tls, _CANARY)
        _TLS_THREAD.pack_into(
            page,
            _TLS_THREAD_AT,
            parameters.enclave_size,
            tcs + thread * PAGE,
            stacks[thread] + stack,
            signal_stacks[thread],
            signal_stacks[thread] + signal_stack,
            thread_ssa,
            thread_ssa + ssa_frame - _GPR_SIZE,
        )
        _TLS_MANIFEST.pack_into(page, _TLS_MANIFEST_AT, len(manifest), constants.heap_min, pal)
        tls_content += page

    def area(name: str, offset: int, size: int, flags: PageFlags = read_write, content: bytes = b"") -> Area:
        return Area(name=name, offset=offset, size=size, flags=flags, content=content)

    areas = [
        area("manifest", manifest_at, page_up(len(manifest)), PageFlags.REG | PageFlags.R, manifest),
        area("ssa", ssa, threads * _SSA_FRAMES * ssa_frame),
        area("tcs", tcs, threads * PAGE, PageFlags.TCS, bytes(tcs_content)),
        area("tls", tls, threads * PAGE, read_write, bytes(tls_content)),
        *(area("stack", at, stack) for at in stacks),
        *(area("sig_stack", at, signal_stack) for at in signal_stacks),
        *(_segment(segment, pal - elf.start) for segment in elf.segments),
    ]
    # With EDMM the heap is added while the enclave runs.
    return (*areas, *(() if parameters.edmm_enable else place.free()))


class _Placement:
    """Hands out offsets from the top of the enclave downwards."""

    def __init__(self, size: int, heap_min: int) -> None:
        self._lowest = size
        self._heap_min = heap_min
        self._fixed = (size, size)

    def below(self, size: int) -> int:
        self._lowest -= size
        self._require(self._lowest >= self._heap_min)
        return self._lowest

    def fixed(self, start: int, end: int) -> int:
        self._require(start >= self._heap_min and end <= self._lowest)
        self._fixed = (start, end)
        return start

    def free(self) -> list[Area]:
        """The gaps that nothing took: above a fixed PAL, then from the lowest address of the heap upwards."""
        start, end = self._fixed
        gaps = [(end, self._lowest), (self._heap_min, min(start, self._lowest))]
        flags = PageFlags.REG | PageFlags.R | PageFlags.W | PageFlags.X
        return [
            Area(name="free", offset=low, size=high - low, flags=flags, content=None)
            for low, high in gaps
            if low < high
        ]

    @staticmethod
    def _require(fits: bool) -> None:  # noqa: FBT001 - a condition, not an option
        if not fits:
            raise Malformed(
                "enclave is not large enough for its manifest, threads and PAL",
                hint="raise `sgx.enclave_size` or lower `sgx.max_threads`",
            )


def _tcs_page(*, ssa: int, entry: int, tls: int) -> bytes:
    return _TCS.pack(ssa, 0, _SSA_FRAMES, entry, tls, _TCS_LIMIT, _TCS_LIMIT).ljust(PAGE, b"\0")


def _segment(segment: Segment, base: int) -> Area:
    flags = PageFlags.REG
    flags |= PageFlags.R if segment.readable else 0
    flags |= PageFlags.W if segment.writable else 0
    flags |= PageFlags.X if segment.executable else 0
    # What the file has before the segment in the same page does not leak in.
    gap = segment.address - segment.start
    return Area(
        name="code" if segment.executable else "data",
        offset=base + segment.start,
        size=segment.end - segment.start,
        flags=flags,
        content=bytes(gap) + segment.content if gap else segment.content,
    )
