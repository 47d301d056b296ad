"""The CPU, what its firmware switched on, and the enclave page cache."""

from caisson.doctor.check import Check, Finding, Purpose, bad, good, unknown, warn
from caisson.doctor.cpuid import Cpu
from caisson.doctor.readings import CpuInfo, Readings, Unread
from caisson.doctor.sizes import spell

_ENCLAVES = frozenset({Purpose.RUN, Purpose.ATTEST, Purpose.SWARM})
_SMALL = 256 << 20
_INTEL = "GenuineIntel"
_ANOTHER = "use a machine whose CPU has SGX: Intel Xeon Scalable from the third generation on, or Xeon E"
_GUEST = (
    "this is a virtual machine: its hypervisor must pass SGX on (QEMU: `-cpu host,+sgx,+sgx-provisionkey` and a "
    "`sgx-epc` memory; clouds: a size with SGX, as Azure's DCsv3)"
)
_FIRMWARE = (
    "switch SGX on in the firmware's setup, as `Enabled` and not `Software controlled`, with memory encryption (TME) "
    "and a size for the reserved memory (PRMRR); then start the machine anew"
)
_LOCKED, _LAUNCH, _ENABLED = 1 << 0, 1 << 17, 1 << 18


def _cpu(readings: Readings) -> Cpu | None:
    return None if isinstance(readings.sight, Unread) else Cpu.of(readings.sight)


def _unread(readings: Readings) -> Finding:
    why = readings.sight.unread if isinstance(readings.sight, Unread) else "its registers were not read"
    return unknown(f"the CPU could not be asked: {why}")


def has_sgx(readings: Readings) -> Finding:
    """Judge leaf 7; where it was not read, the kernel's flags can say yes, but not no."""
    cpu = _cpu(readings)
    if cpu is None:
        known = readings.cpu
        if isinstance(known, CpuInfo) and "sgx" in known.flags:
            return good(f"{known.model}: the kernel lists `sgx`")
        return _unread(readings)
    if cpu.sgx:
        return good(cpu.name)
    if cpu.vendor != _INTEL:
        return bad(
            f"{cpu.name}, made by {cpu.vendor}", "only CPUs by Intel have SGX: no enclave can run here", _ANOTHER
        )
    return bad(
        f"{cpu.name}: {'the hypervisor offers no SGX' if cpu.virtual else 'no SGX in CPUID leaf 7'}",
        "no enclave can run here; Intel took SGX out of its CPUs for desktops with the eleventh generation",
        _GUEST if cpu.virtual else _ANOTHER,
    )


def is_enabled(readings: Readings) -> Finding:
    """Judge leaf 12H: it is empty until firmware has switched SGX on."""
    cpu = _cpu(readings)
    if cpu is None:
        return _unread(readings)
    if cpu.sgx1:
        return good(f"SGX1{' and SGX2' if cpu.sgx2 else ''}, enclaves of at most 2^{cpu.largest} bytes")
    return bad(
        "the CPU has SGX, but CPUID leaf 12H offers no SGX1",
        "firmware, or the hypervisor, left SGX switched off",
        _GUEST if cpu.virtual else _FIRMWARE,
    )


def grows(readings: Readings) -> Finding:
    """Judge SGX2: without it an enclave has all of its memory from the start."""
    cpu = _cpu(readings)
    if cpu is None:
        return _unread(readings)
    if cpu.sgx2:
        return good("SGX2")
    return warn(
        "no SGX2",
        "enclaves cannot grow: images with `sgx.edmm_enable` do not start, and others take all their memory at once",
        "build images without `edmm_enable`, as Caisson does by default",
    )


def launches(readings: Readings) -> Finding:
    """Judge flexible launch control."""
    cpu = _cpu(readings)
    if cpu is None:
        return _unread(readings)
    if cpu.launch_control:
        return good("flexible launch control")
    return bad(
        "no flexible launch control (CPUID leaf 7, ECX bit 30)",
        "Linux's driver refuses this CPU: only enclaves that Intel lists could start, under a driver of old",
        _GUEST if cpu.virtual else f"if the firmware's setup has launch control, unlock it; otherwise {_ANOTHER}",
    )


def has_fsgsbase(readings: Readings) -> Finding:
    """Judge the instructions with which Gramine keeps threads apart."""
    cpu = _cpu(readings)
    if cpu is None:
        return _unread(readings)
    if cpu.fsgsbase:
        return good("FSGSBASE")
    return bad("no FSGSBASE (CPUID leaf 7, EBX bit 0)", "Gramine cannot run without these instructions", _ANOTHER)


def has_pages(readings: Readings) -> Finding:
    """Judge the enclave page cache, by the CPU or else by the kernel."""
    cpu = _cpu(readings)
    if cpu is not None:
        size, kinds = cpu.pages, " and ".join(sorted({section.protection for section in cpu.sections}))
        seen = f"{spell(size)} in {len(cpu.sections)} section{'s' * (len(cpu.sections) != 1)}, protected for {kinds}"
    elif not isinstance(readings.pages, Unread):
        size, seen = readings.pages, f"{spell(readings.pages)}, says the kernel"
    else:
        return _unread(readings)
    if not size:
        return bad(
            "no enclave page cache",
            "there is no memory for enclaves",
            _GUEST if cpu is not None and cpu.virtual else _FIRMWARE,
        )
    if size < _SMALL:
        return warn(
            seen, "enclaves larger than that are paged out and in, which is slow", "keep `[enclave] size` small, or few"
        )
    return good(seen)


def is_locked(readings: Readings) -> Finding:
    """Judge IA32_FEATURE_CONTROL (SDM vol. 3D, 36.7.1); what firmware leaves open, Linux locks with SGX since 5.11."""
    if isinstance(readings.firmware, Unread):
        return unknown(
            f"IA32_FEATURE_CONTROL could not be read: {readings.firmware.unread}",
            "as root, after `modprobe msr`, it can; the enclave device says the same",
        )
    value = readings.firmware.feature_control
    if not value & _LOCKED:
        return warn(
            f"IA32_FEATURE_CONTROL is {value:#x}: not locked",
            "SGX works only once it is locked, which Linux does itself since 5.11",
            "use a newer kernel, or switch SGX on in the firmware's setup",
        )
    missing = [words for bit, words in ((_ENABLED, "SGX"), (_LAUNCH, "launch control")) if not value & bit]
    if not missing:
        return good(f"IA32_FEATURE_CONTROL is {value:#x}: locked, with SGX and launch control")
    return bad(
        f"IA32_FEATURE_CONTROL is {value:#x}: locked without {' and '.join(missing)}",
        "the kernel cannot switch on what firmware locked away",
        _FIRMWARE,
    )


CHECKS = (
    Check(
        id="D01",
        name="cpu-sgx",
        title="the CPU has SGX",
        looks_at="CPUID leaf 7, EBX bit 2; where that cannot be read, the flag `sgx` in `/proc/cpuinfo`",
        why="enclaves are instructions of the CPU: without SGX none can run, and only the software platform works",
        purposes=_ENCLAVES,
        judge=has_sgx,
        decides=False,
    ),
    Check(
        id="D02",
        name="cpu-enabled",
        title="firmware switched SGX on",
        looks_at="CPUID leaf 12H, EAX bit 0, and EDX for the largest enclave",
        why="most machines come with SGX off",
        purposes=_ENCLAVES,
        judge=is_enabled,
        after=("D01",),
        decides=False,
    ),
    Check(
        id="D03",
        name="cpu-sgx2",
        title="enclaves can grow",
        looks_at="CPUID leaf 12H, EAX bit 1",
        why="with SGX2 (and Linux 6.0) an enclave takes memory as it needs it",
        purposes=frozenset({Purpose.RUN, Purpose.SWARM}),
        judge=grows,
        after=("D01", "D02"),
        decides=False,
    ),
    Check(
        id="D04",
        name="launch-control",
        title="anybody's enclaves may start",
        looks_at="CPUID leaf 7, ECX bit 30",
        why="Linux's driver works only with CPUs on which the kernel, and not Intel, decides who may start enclaves",
        purposes=_ENCLAVES,
        judge=launches,
        after=("D01",),
        decides=False,
    ),
    Check(
        id="D05",
        name="fsgsbase",
        title="the CPU has FSGSBASE",
        looks_at="CPUID leaf 7, EBX bit 0",
        why="Gramine switches between threads with these instructions",
        purposes=frozenset({Purpose.RUN, Purpose.SWARM}),
        judge=has_fsgsbase,
        after=("D01",),
        decides=False,
    ),
    Check(
        id="D06",
        name="epc",
        title="there is memory for enclaves",
        looks_at="CPUID leaf 12H, subleaves from 2 on; otherwise `/sys/devices/system/node/node*/x86/sgx_total_bytes`",
        why="all enclaves of a machine share its enclave page cache; what does not fit is paged, which is slow",
        purposes=_ENCLAVES,
        judge=has_pages,
        after=("D01", "D02"),
        decides=False,
    ),
    Check(
        id="D07",
        name="firmware-lock",
        title="firmware handed SGX over",
        looks_at="the register IA32_FEATURE_CONTROL (3AH), bits 0, 17 and 18, through `/dev/cpu/0/msr`",
        why="the kernel cannot switch on what firmware locked away",
        purposes=_ENCLAVES,
        judge=is_locked,
        after=("D01",),
        decides=False,
    ),
)
