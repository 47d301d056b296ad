"""The files a dynamic program cannot start without: its interpreter and its libraries, transitively.

Source: ld.so(8) and the System V ABI, chapter 5 (dynamic linking); directories as glibc's `ld.so.conf` and
musl's `ld-musl-*.path` name them, because an image may come without a cache.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment

from caisson.errors import ImageRejected, UsageError

_DEFAULT_DIRECTORIES = (
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
)
_MAGIC = b"\x7fELF"
_SHEBANG = b"#!"
_SHEBANG_LIMIT = 256


class Files(Protocol):
    """An image's file system, as far as the closure needs it."""

    def resolve(self, path: str) -> str | None:
        """Give the real path of the regular file that `path` leads to, or nothing."""

    def open(self, path: str) -> BinaryIO:
        """Open a regular file by its real path; the file is seekable."""

    def list_directory(self, path: str) -> tuple[str, ...]:
        """Give the sorted names in a directory, none if there is no such directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dynamic:
    interpreter: str | None
    needed: tuple[str, ...]
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]


def closure(program: str, files: Files, *, library_path: str = "") -> frozenset[str]:
    """Give the real paths of all files that starting `program` reads, itself included.

    A script counts with the interpreter that its first line names. `library_path` is the program's LD_LIBRARY_PATH.

    Raises:
        UsageError: a library or an interpreter is missing.
        ImageRejected: a file that begins like an ELF file and is none.
    """
    configured = tuple(_configured_directories(files))
    extra = tuple(part for part in library_path.split(":") if part)
    found: dict[str, None] = {}
    waiting = [_require(files, program, wanted_by="the command")]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = None
        with files.open(path) as stream:
            start = stream.read(_SHEBANG_LIMIT)
            if start.startswith(_SHEBANG):
                waiting.append(_require(files, _script_interpreter(start), wanted_by=path))
                continue
            if not start.startswith(_MAGIC):
                continue
            stream.seek(0)
            dynamic = _read_dynamic(stream, path)
        if dynamic.interpreter is not None:
            waiting.append(_require(files, dynamic.interpreter, wanted_by=path))
        # ld.so(8): RPATH counts only where there is no RUNPATH, and before LD_LIBRARY_PATH.
        before = () if dynamic.runpath else dynamic.rpath
        directories = (*_expand(before, path), *extra, *_expand(dynamic.runpath, path), *configured)
        waiting.extend(_find_library(files, name, directories, wanted_by=path) for name in dynamic.needed)
    return frozenset(found)


def _read_dynamic(stream: BinaryIO, path: str) -> _Dynamic:
    needed: list[str] = []
    paths: dict[str, tuple[str, ...]] = {}
    interpreter = None
    try:
        for segment in ELFFile(stream).iter_segments():
            if isinstance(segment, InterpSegment):
                interpreter = segment.get_interp_name()
            elif isinstance(segment, DynamicSegment):
                tag: Any  # pyelftools gives tags their strings as attributes that its types do not know
                for tag in segment.iter_tags():
                    if tag.entry.d_tag == "DT_NEEDED":
                        needed.append(tag.needed)
                    elif tag.entry.d_tag in ("DT_RPATH", "DT_RUNPATH"):
                        text = tag.rpath if tag.entry.d_tag == "DT_RPATH" else tag.runpath
                        paths[tag.entry.d_tag] = tuple(part for part in text.split(":") if part)
    except (ELFError, ValueError, KeyError, IndexError, AttributeError, UnicodeDecodeError) as cause:
        raise ImageRejected(f"`{path}` begins like an ELF file, and is none") from cause
    return _Dynamic(
        interpreter=interpreter,
        needed=tuple(needed),
        rpath=paths.get("DT_RPATH", ()),
        runpath=paths.get("DT_RUNPATH", ()),
    )


def _expand(directories: tuple[str, ...], path: str) -> Iterator[str]:
    origin = posixpath.dirname(path)
    for directory in directories:
        yield directory.replace("${ORIGIN}", origin).replace("$ORIGIN", origin).replace("$LIB", "lib")


def _find_library(files: Files, name: str, directories: tuple[str, ...], *, wanted_by: str) -> str:
    candidates = [name] if "/" in name else [f"{directory.rstrip('/')}/{name}" for directory in directories]
    for candidate in candidates:
        real = files.resolve(candidate)
        if real is not None:
            return real
    raise UsageError(
        f"`{wanted_by}` needs the library `{name}`, which the image does not have",
        hint="add the package that holds it, or set LD_LIBRARY_PATH under `[application.environment]` in the recipe",
    )


def _require(files: Files, path: str, *, wanted_by: str) -> str:
    real = files.resolve(path)
    if real is None:
        raise UsageError(f"`{wanted_by}` needs `{path}`, which the image does not have")
    return real


def _script_interpreter(start: bytes) -> str:
    words = start.partition(b"\n")[0].removeprefix(_SHEBANG).split()
    if not words:
        raise UsageError("the image's program is a script whose first line names no interpreter")
    return words[0].decode(errors="replace")


def _configured_directories(files: Files) -> Iterator[str]:
    for name in files.list_directory("/etc/ld.so.conf.d"):
        if name.endswith(".conf"):
            yield from _listed(files, f"/etc/ld.so.conf.d/{name}")
    yield from _listed(files, "/etc/ld.so.conf")
    yield from _listed(files, "/etc/ld-musl-x86_64.path")
    yield from _DEFAULT_DIRECTORIES


def _listed(files: Files, path: str) -> Iterator[str]:
    real = files.resolve(path)
    if real is None:
        return
    with files.open(real) as stream:
        text = stream.read().decode(errors="replace")
    for line in text.replace(":", "\n").splitlines():
        directory = line.partition("#")[0].strip()
        if directory.startswith("/"):
            yield directory
