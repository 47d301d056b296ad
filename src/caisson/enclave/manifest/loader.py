"""The tables `libos` and `loader`: what starts, with which arguments and environment."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from caisson.enclave.manifest.keys.vocabulary import LogLevel
from caisson.enclave.manifest.section import lines, pairs, require_bare, require_unique, require_valid, take
from caisson.enclave.table import Table
from caisson.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class LibOs:
    """The table `libos`: `entrypoint` is the path of the first program."""

    entrypoint: str
    check_invalid_pointers: bool = True

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        libos = cls(**take(table, "libos"))
        table.finish()
        return libos

    def lines(self) -> Iterator[str]:
        """Write the table."""
        return lines("[libos]", "libos", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentVariable:
    """A variable of the program: a measured `value`, or, where that is None, whatever the host passes in.

    Raises:
        Malformed: a name that cannot be a bare TOML key.
    """

    name: str
    value: str | None

    def __post_init__(self) -> None:
        require_bare(self.name, "variable")

    @classmethod
    def of(cls, env: Table, name: str) -> Self:
        """Take one variable out of the table `loader.env`.

        Raises:
            Malformed: neither a string nor `passthrough = true`.
        """
        if not env.has_table(name):
            return cls(name=name, value=env.text(name))
        table = env.table(name)
        if not table.boolean("passthrough"):
            raise Malformed(f"manifest has `loader.env.{name[:40]}` with neither a value nor `passthrough = true`")
        table.finish()
        return cls(name=name, value=None)

    @property
    def passthrough(self) -> bool:
        """Whether the host decides about the value."""
        return self.value is None


@dataclass(frozen=True, slots=True, kw_only=True)
class LibOsBinary:
    """The table `loader.entrypoint`: the library OS itself.

    Raises:
        Malformed: a value that Gramine does not take.
    """

    uri: str
    sha256: str | None = None

    def __post_init__(self) -> None:
        require_valid("loader.entrypoint", self)

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        binary = cls(**take(table, "loader.entrypoint"))
        table.finish()
        return binary

    def lines(self) -> Iterator[str]:
        """Write the table."""
        return lines("[loader.entrypoint]", "loader.entrypoint", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """The table `loader`: arguments (with `argv[0]`), user and environment of the first program.

    Variables are kept sorted by name, so that manifests that say the same are the same. `argv` is empty where the
    arguments come from elsewhere, which nothing of Caisson's does.

    Raises:
        Malformed: a variable that is there twice, a value that Gramine does not take, or arguments from two sides.
    """

    argv: tuple[str, ...]
    env: tuple[EnvironmentVariable, ...]
    uid: int
    gid: int
    log_level: LogLevel = "error"
    entrypoint: LibOsBinary | None = None
    argv_src_file: str | None = None
    env_src_file: str | None = None
    insecure__use_cmdline_argv: bool = False
    insecure__use_host_env: bool = False
    insecure__disable_aslr: bool = False
    log_file: str | None = None

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.env, key=lambda variable: variable.name))
        require_unique([variable.name for variable in ordered], "variable")
        object.__setattr__(self, "env", ordered)
        require_valid("loader", self)
        if bool(self.argv) + (self.argv_src_file is not None) + self.insecure__use_cmdline_argv > 1:
            raise Malformed("manifest has the program's arguments from two sides", hint="keep `loader.argv`")

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        env = table.table("env", default={})
        binary = LibOsBinary.of(table.table("entrypoint")) if table.has_table("entrypoint") else None
        elsewhere = not {"argv_src_file", "insecure__use_cmdline_argv"}.isdisjoint(table)
        values = {"argv": ()} | take(table, "loader", missing=("argv",) if elsewhere else ())
        loader = cls(env=tuple(EnvironmentVariable.of(env, name) for name in tuple(env)), entrypoint=binary, **values)
        table.finish()
        return loader

    def lines(self) -> Iterator[str]:
        """Write the table and those below it."""
        elsewhere = self.argv_src_file is not None or self.insecure__use_cmdline_argv
        yield from lines("[loader]", "loader", self, leave_out=("argv",) if elsewhere else ())
        if self.entrypoint is not None:
            yield from self.entrypoint.lines()
        yield from pairs("[loader.env]", {item.name: item.value for item in self.env if item.value is not None})
        for item in self.env:
            if item.passthrough:
                yield from pairs(f"[loader.env.{item.name}]", {"passthrough": True})
