"""The table `sys`: how the library OS behaves as an operating system."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from caisson.enclave.manifest.keys.vocabulary import Direction
from caisson.enclave.manifest.section import (
    lines,
    lines_if_any,
    require_bare,
    require_unique,
    require_valid,
    take,
)
from caisson.enclave.table import Table
from caisson.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedIoctl:
    """One of `sys.allowed_ioctls`: an ioctl that reaches the host; `struct` names the layout of its argument.

    Raises:
        Malformed: a value that Gramine does not take.
    """

    request_code: int
    struct: str | None = None

    def __post_init__(self) -> None:
        require_valid("sys.allowed_ioctls[]", self)

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        ioctl = cls(**take(table, "sys.allowed_ioctls[]"))
        table.finish()
        return ioctl

    def lines(self) -> Iterator[str]:
        """Write the table."""
        return lines("[[sys.allowed_ioctls]]", "sys.allowed_ioctls[]", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class IoctlPart:
    """A part of the memory of an ioctl's argument. `ptr` names another layout: Caisson writes none inside another.

    Raises:
        Malformed: a value that Gramine does not take.
    """

    name: str | None = None
    alignment: int | None = None
    size: int | str | None = None
    unit: int | None = None
    adjustment: int | None = None
    direction: Direction | None = None
    ptr: str | None = None
    array_len: int | str | None = None
    onlyif: str | None = None

    def __post_init__(self) -> None:
        require_valid("sys.ioctl_structs.*[]", self)
        if not isinstance(self.ptr, str | None):
            raise Malformed("manifest has a layout inside another one", hint="give it a name of its own")

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: an unknown or wrong key.
        """
        part = cls(**take(table, "sys.ioctl_structs.*[]"))
        table.finish()
        return part

    def lines(self, header: str) -> Iterator[str]:
        """Write the table."""
        return lines(header, "sys.ioctl_structs.*[]", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class IoctlStruct:
    """One of `sys.ioctl_structs`: a layout, by name.

    Raises:
        Malformed: a name that cannot be a bare TOML key.
    """

    name: str
    parts: tuple[IoctlPart, ...]

    def __post_init__(self) -> None:
        require_bare(self.name, "layout")
        if not self.parts:
            raise Malformed(f"manifest has the layout {self.name} without any part")


@dataclass(frozen=True, slots=True, kw_only=True)
class MockedCall:
    """One of `sys.debug__mock_syscalls`: a system call that does nothing, and what it returns.

    Raises:
        Malformed: a value that Gramine does not take.
    """

    name: str
    returned: int = 0

    def __post_init__(self) -> None:
        require_valid("sys.debug__mock_syscalls[]", self)

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        call = cls(**take(table, "sys.debug__mock_syscalls[]"))
        table.finish()
        return call

    def lines(self) -> Iterator[str]:
        """Write the table."""
        return lines("[[sys.debug__mock_syscalls]]", "sys.debug__mock_syscalls[]", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sys:
    """The table `sys`. Layouts of ioctls are kept sorted by name.

    Raises:
        Malformed: a value that Gramine does not take, or a layout that is there twice.
    """

    disallow_subprocesses: bool = False
    enable_sigterm_injection: bool = False
    enable_extra_runtime_domain_names_conf: bool = False
    experimental__enable_flock: bool = False
    insecure__allow_eventfd: bool = False
    stack_size: str = "256K"
    brk_max_size: str = "256K"
    fds_limit: int = 900
    allowed_ioctls: tuple[AllowedIoctl, ...] = ()
    ioctl_structs: tuple[IoctlStruct, ...] = ()
    debug__mock_syscalls: tuple[MockedCall, ...] = ()

    def __post_init__(self) -> None:
        for section in ("sys", *_SINGLE):
            require_valid(section, self)
        ordered = tuple(sorted(self.ioctl_structs, key=lambda layout: layout.name))
        require_unique([layout.name for layout in ordered], "layout")
        object.__setattr__(self, "ioctl_structs", ordered)

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: an unknown or wrong key.
        """
        values = take(table, "sys")
        for section in _SINGLE:
            single = table.table(section.removeprefix("sys."), default={})
            values |= take(single, section)
            single.finish()
        layouts = table.table("ioctl_structs", default={})
        system = cls(
            allowed_ioctls=tuple(map(AllowedIoctl.of, table.tables("allowed_ioctls"))),
            ioctl_structs=tuple(
                IoctlStruct(name=name, parts=tuple(map(IoctlPart.of, layouts.tables(name)))) for name in tuple(layouts)
            ),
            debug__mock_syscalls=tuple(map(MockedCall.of, table.tables("debug__mock_syscalls"))),
            **values,
        )
        table.finish()
        return system

    def lines(self) -> Iterator[str]:
        """Write the table and those below it, as far as they say anything."""
        for section in ("sys", *_SINGLE):
            yield from lines_if_any(f"[{section}]", section, self)
        for ioctl in self.allowed_ioctls:
            yield from ioctl.lines()
        for layout in self.ioctl_structs:
            for part in layout.parts:
                yield from part.lines(f"[[sys.ioctl_structs.{layout.name}]]")
        for call in self.debug__mock_syscalls:
            yield from call.lines()


_SINGLE = ("sys.stack", "sys.brk", "sys.fds")
