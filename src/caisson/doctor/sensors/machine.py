"""The kernel's files about this machine."""

import os
import re
import resource
import shutil
import struct
from pathlib import Path

from caisson.doctor.readings import CpuInfo, Device, Disk, Firmware, Kernel, Limits, Memory, Unread

_FEATURE_CONTROL = 0x3A
_REGISTER = struct.Struct("<Q")
_LEGACY = ("/dev/isgx", "/dev/sgx/enclave")
_WORDS = re.compile(r"nosgx|nofsgsbase|clearcpuid=\S*(?:sgx|fsgsbase|\b(?:288|521)\b)\S*")
_KIB = 1024
_MOST_FLAGS = 4096
_UNLIMITED = (1 << 63) - 1


def cpu_info(text: str) -> CpuInfo | Unread:
    """Read `/proc/cpuinfo`, of its first CPU."""
    known = dict[str, str]()
    for line in text.partition("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        known[name.strip()] = value.strip()
    if "flags" not in known:
        return Unread(unread="`/proc/cpuinfo` has no flags")
    return CpuInfo(
        vendor=known.get("vendor_id", "")[:100],
        model=known.get("model name", "")[:200],
        flags=tuple(flag[:100] for flag in known["flags"].split()[:_MOST_FLAGS]),
    )


def command_line(text: str) -> tuple[str, ...]:
    """Give those words of the kernel's command line that take away what enclaves need; others are nobody's business."""
    return tuple(word for word in text.split() if len(word) <= _MOST_FLAGS and _WORDS.fullmatch(word))


def memory(text: str) -> Memory | Unread:
    """Read `/proc/meminfo`."""
    known = dict(re.findall(r"^(MemTotal|SwapTotal):\s+([0-9]{1,15}) kB$", text, re.MULTILINE))
    if "MemTotal" not in known:
        return Unread(unread="`/proc/meminfo` does not say")
    return Memory(total=int(known["MemTotal"]) * _KIB, swap=int(known.get("SwapTotal", "0")) * _KIB)


def read_cpu_info() -> CpuInfo | Unread:
    """Read what the kernel says of the CPU."""
    text = _text(Path("/proc/cpuinfo"))
    return text if isinstance(text, Unread) else cpu_info(text)


def read_memory() -> Memory | Unread:
    """Read what the kernel says of memory."""
    text = _text(Path("/proc/meminfo"))
    return text if isinstance(text, Unread) else memory(text)


def read_kernel() -> Kernel:
    """Read release and command line."""
    text = _text(Path("/proc/cmdline"))
    return Kernel(release=os.uname().release, words=() if isinstance(text, Unread) else command_line(text))


def read_pages() -> int | Unread:
    """Sum up the page cache of all NUMA nodes (Documentation/ABI/stable/sysfs-devices-node, Linux 5.17)."""
    found = sorted(Path("/sys/devices/system/node").glob("node*/x86/sgx_total_bytes"))
    if not found:
        return Unread(unread="the kernel does not say")
    try:
        return sum(int(path.read_text()) for path in found)
    except (OSError, ValueError) as error:
        return Unread(unread=str(error))


def read_firmware() -> Firmware | Unread:
    """Read IA32_FEATURE_CONTROL through the kernel's device, for which one has to be root."""
    path = "/dev/cpu/0/msr"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            (value,) = _REGISTER.unpack(os.pread(descriptor, _REGISTER.size, _FEATURE_CONTROL))
        finally:
            os.close(descriptor)
    except (OSError, struct.error) as error:
        return Unread(unread=str(error))
    return Firmware(feature_control=value)


def read_limits() -> Limits | Unread:
    """Read limits of this process and of the kernel."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        areas, overcommit = (
            int(Path("/proc/sys/vm", name).read_text()) for name in ("max_map_count", "overcommit_memory")
        )
    except (OSError, ValueError) as error:
        return Unread(unread=str(error))
    files = _UNLIMITED if hard == resource.RLIM_INFINITY else hard
    return Limits(open_files=files, memory_areas=areas, overcommit=overcommit)


def read_disks(places: dict[str, Path]) -> tuple[Disk, ...]:
    """Read what is free at each place, or where it would be made."""
    found = []
    for purpose, place in places.items():
        here = next(each for each in (place, *place.parents) if each.exists())
        found.append(Disk(path=str(place), purpose=purpose, free=shutil.disk_usage(here).free))
    return tuple(found)


def read_legacy() -> tuple[Device, ...]:
    """See whether a driver of old is there."""
    return tuple(Device(path=path, kind="other") for path in _LEGACY if Path(path).exists())


def _text(path: Path) -> str | Unread:
    try:
        return path.read_text(errors="replace")
    except OSError as error:
        return Unread(unread=str(error))
