"""The kernel, memory, limits and disks."""

import re

from caisson.doctor.check import Check, Finding, Purpose, bad, good, unknown, warn
from caisson.doctor.cpuid import Cpu
from caisson.doctor.readings import Image, Readings, Unread
from caisson.doctor.sizes import spell

_RELEASE = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")
_DRIVER = (5, 11)
_BACKPORTS = re.compile(r"\.el[89]")
_GIB = 1 << 30
_LITTLE_DISK, _TIGHT_DISK = _GIB, 5 * _GIB
_LITTLE_MEMORY = 2 * _GIB
_AREAS, _FILES = 65_530, 1024
NATIVE = "native"  # the runtime without a library OS, and without SGX
_NEVER_MORE = 2  # vm.overcommit_memory


def version_of(release: str) -> tuple[int, int] | None:
    """Read the first two numbers of a kernel's release."""
    found = _RELEASE.match(release)
    return None if found is None else (int(found[1]), int(found[2]))


def is_new_enough(readings: Readings) -> Finding:
    """Judge the release and the command line."""
    release, version = readings.kernel.release, version_of(readings.kernel.release)
    if readings.kernel.words:
        return bad(
            f"Linux {release} was started with `{' '.join(readings.kernel.words)}`",
            "the kernel was told not to use what enclaves need",
            "take that out of its command line, and start it anew",
        )
    if version is None:
        return unknown(f"`{release}` is no release that is understood")
    if version >= _DRIVER:
        return good(f"Linux {release}")
    if _BACKPORTS.search(release):
        return warn(
            f"Linux {release}",
            "SGX came with Linux 5.11; distributions of this kind took it into older kernels, some as a preview",
            "the enclave device says whether this one has it",
        )
    return bad(f"Linux {release}", "SGX came with Linux 5.11", "install a newer kernel")


def has_memory(readings: Readings) -> Finding:
    """Judge main memory and swap against the image, if there is one."""
    if isinstance(readings.memory, Unread):
        return unknown(f"memory could not be read: {readings.memory.unread}")
    memory = readings.memory
    seen = f"{spell(memory.total)} of memory, {spell(memory.swap)} of swap"
    image = readings.image
    if isinstance(image, Image) and image.problem is None and image.runtime != NATIVE and not image.dynamic_memory:
        needed = image.enclave_size
        if needed > memory.total + memory.swap + _pages(readings):
            return bad(
                f"{seen}; the image's enclave has {spell(needed)}",
                "an enclave that cannot grow has all of its memory from the start, here if not in the page cache",
                "build it with a smaller `[enclave] size`, or use a machine with more memory",
            )
        return good(f"{seen}; the image's enclave has {spell(needed)}")
    if memory.total < _LITTLE_MEMORY:
        return warn(seen, "the smallest programs fit; databases and Java do not", "use a machine with more memory")
    return good(seen)


def _pages(readings: Readings) -> int:
    cpu = None if isinstance(readings.sight, Unread) else Cpu.of(readings.sight)
    if cpu is not None:
        return cpu.pages
    return 0 if isinstance(readings.pages, Unread) else readings.pages


def has_limits(readings: Readings) -> Finding:
    """Judge limits that programs in enclaves run into first."""
    if isinstance(readings.limits, Unread):
        return unknown(f"limits could not be read: {readings.limits.unread}")
    limits = readings.limits
    low = []
    if limits.memory_areas < _AREAS:
        low.append(f"`vm.max_map_count` is {limits.memory_areas}")
    if limits.open_files < _FILES:
        low.append(f"at most {limits.open_files} open files")
    if limits.overcommit == _NEVER_MORE:
        low.append("`vm.overcommit_memory` is 2")
    if not low:
        return good(f"{limits.open_files} open files, {limits.memory_areas} memory areas")
    return warn(
        ", ".join(low),
        "large programs may fail with `cannot allocate memory` or `too many open files`",
        "as root: `sysctl vm.max_map_count=65530 vm.overcommit_memory=0`; raise `ulimit -n`",
    )


def has_disk(readings: Readings) -> Finding:
    """Judge what is free where Caisson writes."""
    if not readings.disks:
        return unknown("free space could not be read")
    least = min(readings.disks, key=lambda disk: disk.free)
    seen = f"{spell(least.free)} free at {least.path} ({least.purpose})"
    remedy = "free some, or point TMPDIR and CAISSON_HOME to another file system"
    if least.free < _LITTLE_DISK:
        return bad(seen, "images are unpacked and packed there", remedy)
    if least.free < _TIGHT_DISK:
        return warn(seen, "large images, such as databases, need several GiB while they are built", remedy)
    return good(seen)


_ENCLAVES = frozenset({Purpose.RUN, Purpose.ATTEST, Purpose.SWARM})
_RUNNING = frozenset({Purpose.RUN, Purpose.SWARM})

KERNEL = Check(
    id="D08",
    name="kernel",
    title="the kernel knows SGX",
    looks_at="the kernel's release, and `nosgx`, `nofsgsbase` and `clearcpuid=` on its command line",
    why="SGX came with Linux 5.11, and FSGSBASE with 5.9",
    purposes=_ENCLAVES,
    judge=is_new_enough,
    after=("D01",),
    decides=False,
)
CHECKS = (
    Check(
        id="D40",
        name="memory",
        title="there is enough memory",
        looks_at="`/proc/meminfo` and the page cache, against the enclave of the image if one is named",
        why="an enclave that cannot grow has all of its memory from the start",
        purposes=_RUNNING,
        judge=has_memory,
        decides=False,
    ),
    Check(
        id="D41",
        name="limits",
        title="limits are high enough",
        looks_at="`vm.max_map_count`, `vm.overcommit_memory` and the hard limit of open files",
        why="the library OS maps memory in many small areas, and opens a file of the host for each of the program's",
        purposes=_RUNNING,
        judge=has_limits,
        decides=False,
    ),
    Check(
        id="D42",
        name="disk",
        title="there is enough disk",
        looks_at="the file systems of TMPDIR and CAISSON_HOME",
        why="images are unpacked and packed there",
        purposes=frozenset({Purpose.RUN, Purpose.BUILD, Purpose.SWARM}),
        judge=has_disk,
        decides=False,
    ),
)
