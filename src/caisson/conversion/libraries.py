"""The libraries of a dynamic program, found where the dynamic loader finds them.

Source: ld.so(8); glibc's elf/dl-load.c for the order of places; for musl, ldso/dynlink.c (`load_library`). A cache is
not read: it only repeats what the directories hold, and an image may come without one.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from caisson.conversion.elf import HEADER_SIZE, Dynamic, is_native, read_dynamic
from caisson.errors import UsageError

_DEFAULT_DIRECTORIES = (
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
)
_CACHE, _PRELOAD = "/etc/ld.so.cache", "/etc/ld.so.preload"
_MUSL_PATH = "/etc/ld-musl-x86_64.path"
_MUSL_DIRECTORIES = ("/lib", "/usr/local/lib", "/usr/lib")
# Names that musl answers with itself, and looks for nowhere.
_MUSL_ITSELF = re.compile(r"lib(c|pthread|rt|m|dl|util|xnet)\..*")
_MUSL_INTERPRETER = "ld-musl-x86_64.so.1"
_HWCAPS = "glibc-hwcaps"
_MAX_CONFIGURATION = 1 << 20


class Files(Protocol):
    """An image's file system, as far as the closure needs it."""

    def resolve(self, path: str) -> str | None:
        """Give the real path of the regular file that `path` leads to, or nothing."""

    def read_at(self, path: str, offset: int, size: int) -> bytes:
        """Read a part of a regular file by its real path; fewer bytes at its end."""

    def list_directory(self, path: str) -> tuple[str, ...]:
        """Give the sorted names in a directory, none if there is no such directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Object:
    """A loaded file; `inherited` are the RPATH directories of the files that wanted it."""

    path: str
    dynamic: Dynamic
    inherited: tuple[str, ...] = ()

    def directories(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give where its libraries are looked for before and after LD_LIBRARY_PATH."""
        runpath = tuple(_expand(self.dynamic.runpath, self.path))
        return ((), runpath) if runpath else (self.rpath(), ())

    def chain(self) -> tuple[str, ...]:
        """Give where musl looks for what it loads, and for what that loads: RUNPATH is no other than RPATH."""
        return (*_expand(self.dynamic.runpath or self.dynamic.rpath, self.path), *self.inherited)

    def rpath(self) -> tuple[str, ...]:
        """Give the RPATH directories that count for what it loads; RUNPATH makes its own RPATH void."""
        own = () if self.dynamic.runpath else tuple(_expand(self.dynamic.rpath, self.path))
        return (*own, *self.inherited)


@dataclass(slots=True)
class Libraries:
    """Collects in `found` the real paths of programs, their interpreters and their libraries.

    `names` gives the real path of each library and interpreter by the path at which it is opened, links not followed.
    `library_path` is LD_LIBRARY_PATH.
    """

    files: Files
    library_path: str
    found: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    interpreters: set[str] = field(default_factory=set)
    configured: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.configured = tuple(dict.fromkeys((*_configured(self.files), *_DEFAULT_DIRECTORIES)))

    @property
    def is_musl(self) -> bool:
        """Whether programs were found whose C library is musl."""
        return any(map(_is_musl, self.interpreters))

    def copy(self) -> "Libraries":
        """Give one that has found the same and goes on by itself."""
        return replace(self, found=set(self.found), names=dict(self.names), interpreters=set(self.interpreters))

    def take(self, other: "Libraries") -> None:
        """Take over what another one has found."""
        self.found |= other.found
        self.names |= other.names
        self.interpreters |= other.interpreters

    def load(self, program: str) -> None:
        """Add a dynamic program and everything that is loaded with it; each name is loaded once, as ld.so does."""
        main = self._object(program, ())
        waiting, loaded = [main], set[str]()
        musl = self.is_musl if main.dynamic.interpreter is None else _is_musl(main.dynamic.interpreter)
        if main.dynamic.interpreter is not None:
            interpreter = require(self.files, main.dynamic.interpreter, wanted_by=program)
            self.found.add(interpreter)
            self.names[main.dynamic.interpreter] = interpreter
            self.interpreters.add(main.dynamic.interpreter)
            waiting += [self._object(real, ()) for real in self._preloaded(musl=musl)]
        while waiting:
            wanting = waiting.pop(0)
            loaded.add(wanting.dynamic.soname or wanting.path)
            for name in wanting.dynamic.needed:
                if name not in loaded:
                    loaded.add(name)
                    inherited = wanting.chain() if musl else wanting.rpath()
                    waiting += [self._object(real, inherited) for real in self._library(name, wanting, musl=musl)]

    def load_named(self, name: str) -> None:
        """Add a library that is asked for by its name alone, with its own.

        Raises:
            UsageError: there is no such library.
        """
        asking = _Object(path="the C library", dynamic=Dynamic())
        for real in self._library(name, asking, musl=self.is_musl):
            self.load(real)

    def _object(self, real: str, inherited: tuple[str, ...]) -> _Object:
        self.found.add(real)
        dynamic = read_dynamic(lambda offset, size: self.files.read_at(real, offset, size), path=real)
        return _Object(path=real, dynamic=dynamic, inherited=inherited)

    def _library(self, name: str, wanting: _Object, *, musl: bool) -> Iterator[str]:
        """Give the library, and the variants of it that ld.so prefers on some processors."""
        if "/" in name:
            opened = next(_expand(name, wanting.path))
            yield self._named(opened, require(self.files, opened, wanted_by=wanting.path))
            return
        if musl and _MUSL_ITSELF.fullmatch(name) is not None:
            return
        for directory in self._directories_for(wanting, musl=musl):
            hits = tuple(self._in_directory(directory, name))
            if hits:
                yield from hits
                return
        raise UsageError(
            f"`{wanting.path}` needs the library `{name}`, which the image does not have",
            hint="add the package that holds it, or set LD_LIBRARY_PATH under `[application.environment]`",
        )

    def _directories_for(self, wanting: _Object, *, musl: bool) -> tuple[str, ...]:
        if musl:
            configured = tuple(_directories(self.files, _MUSL_PATH)) or _MUSL_DIRECTORIES
            return (*split(self.library_path), *wanting.chain(), *configured)
        before, after = wanting.directories()
        return (*before, *split(self.library_path), *after, *self.configured)

    def _in_directory(self, directory: str, name: str) -> Iterator[str]:
        places = [f"{_HWCAPS}/{level}" for level in self.files.list_directory(posixpath.join(directory, _HWCAPS))]
        for place in (*places, ""):
            opened = posixpath.join(directory, place, name)
            real = self.files.resolve(opened)
            if real is not None and is_native(self.files.read_at(real, 0, HEADER_SIZE)):
                yield self._named(opened, real)

    def _preloaded(self, *, musl: bool) -> Iterator[str]:
        """Add what every dynamic program reads, and give the libraries that are loaded into all of them."""
        for path in (_MUSL_PATH,) if musl else (_CACHE, _PRELOAD):
            real = self.files.resolve(path)
            if real is not None:
                self.found.add(self._named(path, real))
        for name in () if musl else _words(self.files, _PRELOAD):
            if "/" in name:
                yield self._named(name, require(self.files, name, wanted_by=_PRELOAD))

    def _named(self, opened: str, real: str) -> str:
        self.names[opened] = real
        return real


def _is_musl(interpreter: str) -> bool:
    return posixpath.basename(interpreter) == _MUSL_INTERPRETER


def require(files: Files, *candidates: str, wanted_by: str) -> str:
    """Give the real path of the first candidate that is there.

    Raises:
        UsageError: none is.
    """
    for candidate in candidates:
        if (real := files.resolve(candidate)) is not None:
            return real
    name = candidates[0] if len(candidates) == 1 else posixpath.basename(candidates[0])
    raise UsageError(f"`{wanted_by}` needs `{name}`, which the image does not have")


def _expand(directories: str, path: str) -> Iterator[str]:
    origin = posixpath.dirname(path)
    for directory in split(directories):
        expanded = directory
        for token, value in (("ORIGIN", origin), ("LIB", "lib"), ("PLATFORM", "x86_64")):
            expanded = expanded.replace(f"${{{token}}}", value).replace(f"${token}", value)
        yield expanded


def split(directories: str) -> Iterator[str]:
    """Give the directories of a search path; empty ones, which mean the working directory, are left out."""
    for directory in directories.replace(";", ":").split(":"):
        if directory:
            yield directory


def _configured(files: Files) -> Iterator[str]:
    for name in files.list_directory("/etc/ld.so.conf.d"):
        if name.endswith(".conf"):
            yield from _directories(files, f"/etc/ld.so.conf.d/{name}")
    yield from _directories(files, "/etc/ld.so.conf")


def _directories(files: Files, path: str) -> Iterator[str]:
    return (word for word in _words(files, path) if word.startswith("/"))


def _words(files: Files, path: str) -> Iterator[str]:
    """Give the words of a configuration file, without comments; these files are small, or cut here."""
    real = files.resolve(path)
    if real is not None:
        for line in files.read_at(real, 0, _MAX_CONFIGURATION).decode(errors="replace").splitlines():
            yield from line.partition("#")[0].replace(":", " ").split()
