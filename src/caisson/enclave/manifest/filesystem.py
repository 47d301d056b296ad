"""The table `fs`: what the program sees as files."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from caisson.enclave.manifest.keys.filesystem import EXPOSED_KEY
from caisson.enclave.manifest.keys.vocabulary import MountType
from caisson.enclave.manifest.section import (
    lines,
    pairs,
    require_bare,
    require_unique,
    require_valid,
    require_valid_value,
    take,
)
from caisson.enclave.table import Table
from caisson.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The table `fs.root`: the file system that everything else is mounted on.

    Raises:
        Malformed: parts that do not go together.
    """

    type: MountType
    uri: str | None = None
    key_name: str | None = None
    enable_recovery: bool = False

    def __post_init__(self) -> None:
        require_valid("fs.root", self)
        _require_fitting(self, "fs.root")

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        root = cls(**take(table, "fs.root"))
        table.finish()
        return root

    def lines(self) -> Iterator[str]:
        """Write the table."""
        return lines("[fs.root]", "fs.root", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One of `fs.mounts`: by default an empty file system in the enclave's memory at `path`.

    Raises:
        Malformed: parts that do not go together: `uri` is for all but `tmpfs`, `key_name` for `encrypted` alone.
    """

    path: str
    type: MountType = "tmpfs"
    uri: str | None = None
    key_name: str | None = None
    enable_recovery: bool = False

    def __post_init__(self) -> None:
        require_valid("fs.mounts[]", self)
        _require_fitting(self, "fs.mounts")

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        mount = cls(**take(table, "fs.mounts[]"))
        table.finish()
        return mount

    def lines(self) -> Iterator[str]:
        """Write the table."""
        return lines("[[fs.mounts]]", "fs.mounts[]", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposedKey:
    """One of `fs.insecure__keys`: 32 hex digits that everyone who has the manifest can read. For tests only.

    Raises:
        Malformed: another form, or a name that cannot be a bare TOML key.
    """

    name: str
    value: str

    def __post_init__(self) -> None:
        require_bare(self.name, "key")
        require_valid_value(EXPOSED_KEY, self.value)

    def __repr__(self) -> str:
        """Keep even such a key out of logs."""
        return f"ExposedKey(name={self.name!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """The table `fs`: the working directory, mounts in the order in which they are made, and what lies below them.

    Raises:
        Malformed: a key that is there twice.
    """

    start_dir: str
    mounts: tuple[Mount, ...]
    root: Root | None = None
    insecure__keys: tuple[ExposedKey, ...] = ()

    def __post_init__(self) -> None:
        require_valid("fs", self)
        ordered = tuple(sorted(self.insecure__keys, key=lambda key: key.name))
        require_unique([key.name for key in ordered], "key")
        object.__setattr__(self, "insecure__keys", ordered)

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        keys = table.table("insecure__keys", default={})
        system = cls(
            mounts=tuple(map(Mount.of, table.tables("mounts"))),
            root=Root.of(table.table("root")) if table.has_table("root") else None,
            insecure__keys=tuple(ExposedKey(name=name, value=keys.text(name)) for name in tuple(keys)),
            **take(table, "fs"),
        )
        table.finish()
        return system

    def lines(self) -> Iterator[str]:
        """Write the table and those below it. Without any mount it says so, because Gramine's check wants the key."""
        yield from lines("[fs]", "fs", self, also={} if self.mounts else {"mounts": ()})
        if self.root is not None:
            yield from self.root.lines()
        if self.insecure__keys:
            yield from pairs("[fs.insecure__keys]", {key.name: key.value for key in self.insecure__keys})
        for mount in self.mounts:
            yield from mount.lines()


def _require_fitting(mount: Root | Mount, name: str) -> None:
    if (mount.uri is None) != (mount.type == "tmpfs"):
        raise Malformed(f"manifest has a {mount.type} file system {'without' if mount.uri is None else 'with'} `uri`")
    if (mount.key_name is None) == (mount.type == "encrypted"):
        raise Malformed(f"manifest has `{name}` of type {mount.type}, and `key_name` is for encrypted ones, always")
    if mount.enable_recovery and mount.type != "encrypted":
        raise Malformed(f"manifest has `{name}.enable_recovery` on a file system that is not encrypted")
