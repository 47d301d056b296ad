"""The machine: what a process sees of it, the kernel, the firmware's lock, memory and disks."""

from typing import Annotated, Literal

from pydantic import Field

from caisson.doctor.readings.vocabulary import Count, Register, Register64, Text, Texts, reading

Kind = Literal["absent", "hidden", "character", "other"]


@reading
class Leaf:
    """What the CPUID instruction answered for one leaf and subleaf."""

    leaf: Register
    subleaf: Register
    eax: Register
    ebx: Register
    ecx: Register
    edx: Register


@reading
class Device:
    """What is at a path. `opened`: this process may read and write it; `refusal`: the system's words if not.

    `no_exec` says that nothing on its file system can be mapped as code, which every enclave is.
    """

    path: Text
    kind: Kind
    mode: Register = 0
    uid: Register = 0
    gid: Register = 0
    opened: bool = False
    refusal: Text = ""
    no_exec: bool = False


@reading
class Sight:
    """What the program `look` saw where it ran: on the machine, or in a container."""

    uid: Register
    gid: Register
    groups: Annotated[tuple[Register, ...], Field(max_length=65_536)]
    leaves: Annotated[tuple[Leaf, ...], Field(max_length=64)]
    devices: Annotated[tuple[Device, ...], Field(max_length=16)]

    def leaf(self, leaf: int, subleaf: int = 0) -> Leaf | None:
        """Give one leaf, if it was asked for and exists."""
        return next((each for each in self.leaves if (each.leaf, each.subleaf) == (leaf, subleaf)), None)

    def device(self, path: str) -> Device | None:
        """Give what was seen at a path."""
        return next((each for each in self.devices if each.path == path), None)


@reading
class CpuInfo:
    """What the kernel says of the first CPU in `/proc/cpuinfo`; it hides what it switched off."""

    vendor: Text
    model: Text
    flags: Texts


@reading
class Kernel:
    """The kernel's release, and those words of its command line that are about SGX."""

    release: Text
    words: Texts = ()


@reading
class Firmware:
    """The model-specific register IA32_FEATURE_CONTROL (3AH), as the firmware left it."""

    feature_control: Register64


@reading
class Limits:
    """Limits of processes: open files (hard), memory areas, and how the kernel promises memory (0, 1 or 2)."""

    open_files: Count
    memory_areas: Count
    overcommit: Count


@reading
class Memory:
    """Main memory and swap, in bytes."""

    total: Count
    swap: Count


@reading
class Disk:
    """What is free of a file system, in bytes; `purpose` says what Caisson keeps there."""

    path: Text
    purpose: Text
    free: Count
