"""The tables of the measured manifest: each reads itself from TOML and writes itself (docs/reference/image.md)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, Self, get_args

from caisson.enclave import toml
from caisson.enclave.parameters import CpuFeatures, EnclaveParameters
from caisson.enclave.table import Table
from caisson.errors import Malformed

LogLevel = Literal["none", "error", "warning", "debug", "trace", "all"]
MountType = Literal["tmpfs"]
RemoteAttestation = Literal["none", "dcap"]

_ID_LIMIT = (1 << 32) - 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LibOs:
    """The table `libos`: `entrypoint` is the path of the first program."""

    entrypoint: str

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        libos = cls(entrypoint=table.text("entrypoint"))
        table.finish()
        return libos

    def lines(self) -> Iterator[str]:
        """Write the table."""
        return _lines("[libos]", {"entrypoint": self.entrypoint})


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentVariable:
    """A variable of the program: a measured `value`, or, where that is None, whatever the host passes in.

    Raises:
        Malformed: a name that cannot be a bare TOML key.
    """

    name: str
    value: str | None

    def __post_init__(self) -> None:
        if not toml.is_bare_key(self.name):
            raise Malformed(
                f"manifest cannot hold a variable named {self.name[:40]!r}",
                hint="use only letters, digits, `_` and `-` in its name",
            )

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
class Loader:
    """The table `loader`: arguments (with `argv[0]`), user and environment of the first program.

    Variables are kept sorted by name, so that manifests that say the same are the same.

    Raises:
        Malformed: a variable that is there twice.
    """

    argv: tuple[str, ...]
    env: tuple[EnvironmentVariable, ...]
    uid: int
    gid: int
    log_level: LogLevel = "error"

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.env, key=lambda variable: variable.name))
        _require_unique([variable.name for variable in ordered], "variable")
        object.__setattr__(self, "env", ordered)

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        env = table.table("env", default={})
        loader = cls(
            argv=table.texts("argv"),
            log_level=table.choice("log_level", get_args(LogLevel)),
            uid=table.integer("uid", most=_ID_LIMIT),
            gid=table.integer("gid", most=_ID_LIMIT),
            env=tuple(EnvironmentVariable.of(env, name) for name in tuple(env)),
        )
        table.finish()
        return loader

    def lines(self) -> Iterator[str]:
        """Write the table and those below it."""
        yield from _lines(
            "[loader]", {"argv": self.argv, "log_level": self.log_level, "uid": self.uid, "gid": self.gid}
        )
        yield from _lines("[loader.env]", {item.name: item.value for item in self.env if item.value is not None})
        for item in self.env:
            if item.passthrough:
                yield from _lines(f"[loader.env.{item.name}]", {"passthrough": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One of `fs.mounts`: an empty file system in the enclave's memory at `path`."""

    path: str
    type: MountType = "tmpfs"

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        mount = cls(path=table.text("path"), type=table.choice("type", get_args(MountType)))
        table.finish()
        return mount

    def lines(self) -> Iterator[str]:
        """Write the table."""
        return _lines("[[fs.mounts]]", {"type": self.type, "path": self.path})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """The table `fs`: the working directory, and mounts in the order in which they are made."""

    start_dir: str
    mounts: tuple[Mount, ...]

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        system = cls(start_dir=table.text("start_dir"), mounts=tuple(map(Mount.of, table.tables("mounts"))))
        table.finish()
        return system

    def lines(self) -> Iterator[str]:
        """Write the table and those below it."""
        yield from _lines("[fs]", {"start_dir": self.start_dir})
        for mount in self.mounts:
            yield from mount.lines()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedFile:
    """A file whose content is measured: `uri` is `file:` and a path, `sha256` 64 lower-case hex digits.

    Raises:
        Malformed: another form of either.
    """

    uri: str
    sha256: str

    def __post_init__(self) -> None:
        if not self.uri.startswith("file:"):
            raise Malformed(f"manifest has a trusted file whose URI is not `file:…`: {self.uri[:80]!r}")
        if _SHA256.fullmatch(self.sha256) is None:
            raise Malformed(f"manifest has a trusted file without a SHA-256 in lower-case hex: {self.uri[:80]!r}")

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        file = cls(uri=table.text("uri"), sha256=table.text("sha256"))
        table.finish()
        return file

    def lines(self) -> Iterator[str]:
        """Write the table."""
        return _lines("[[sgx.trusted_files]]", {"uri": self.uri, "sha256": self.sha256})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sgx:
    """The table `sgx`. Trusted files are kept sorted by URI.

    Raises:
        Malformed: a value that no enclave can have, or a trusted file that is there twice.
    """

    enclave_size: str
    max_threads: int
    isvprodid: int
    isvsvn: int
    trusted_files: tuple[TrustedFile, ...]
    debug: bool = False
    edmm_enable: bool = False
    remote_attestation: RemoteAttestation = "dcap"
    cpu_features: CpuFeatures = field(default_factory=CpuFeatures)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.trusted_files, key=lambda file: file.uri))
        _require_unique([file.uri for file in ordered], "trusted file")
        object.__setattr__(self, "trusted_files", ordered)
        EnclaveParameters.of(self._values())

    @classmethod
    def of(cls, table: Table) -> Self:
        """Read the table.

        Raises:
            Malformed: a missing, unknown or wrong key.
        """
        sgx = cls(
            debug=table.boolean("debug"),
            enclave_size=table.text("enclave_size"),
            max_threads=table.integer("max_threads"),
            edmm_enable=table.boolean("edmm_enable"),
            isvprodid=table.integer("isvprodid"),
            isvsvn=table.integer("isvsvn"),
            remote_attestation=table.choice("remote_attestation", get_args(RemoteAttestation)),
            cpu_features=CpuFeatures.of(table.table("cpu_features")),
            trusted_files=tuple(map(TrustedFile.of, table.tables("trusted_files"))),
        )
        table.finish()
        return sgx

    def lines(self) -> Iterator[str]:
        """Write the table and those below it."""
        yield from _lines("[sgx]", self._values())
        yield from _lines("[sgx.cpu_features]", self.cpu_features.settings())
        for file in self.trusted_files:
            yield from file.lines()

    def _values(self) -> dict[str, toml.Value]:
        return {
            "debug": self.debug,
            "enclave_size": self.enclave_size,
            "max_threads": self.max_threads,
            "edmm_enable": self.edmm_enable,
            "isvprodid": self.isvprodid,
            "isvsvn": self.isvsvn,
            "remote_attestation": self.remote_attestation,
        }


def _lines(header: str, values: Mapping[str, toml.Value]) -> Iterator[str]:
    yield header
    for key, value in values.items():
        yield f"{key} = {toml.write_value(value)}"
    yield ""


def _require_unique(ordered: Sequence[str], what: str) -> None:
    for one, other in pairwise(ordered):
        if one == other:
            raise Malformed(f"manifest has the {what} {one[:80]!r} twice")
