"""The files a program cannot start without: its interpreter and its libraries, transitively."""

import posixpath
from collections.abc import Iterator

from caisson.conversion.elf import MAGIC
from caisson.conversion.libraries import Files, Libraries, require, split
from caisson.errors import UsageError

SHEBANG = b"#!"
_START = 256  # as much as execve(2) reads of a script
_MAX_SCRIPTS = 5  # interpreters that are scripts themselves; Linux follows no more


def closure(program: str, files: Files, *, library_path: str = "", path: str = "") -> frozenset[str]:
    """Give the real paths of all files that starting `program` reads, itself included.

    A script counts with the interpreter that its first line names, and with the program that `env` would start.
    `library_path` is the program's LD_LIBRARY_PATH, `path` its PATH.

    Raises:
        UsageError: a library or an interpreter is missing.
        ImageRejected: a file that begins like an ELF file and is none.
    """
    libraries = Libraries(files, library_path)
    follow(libraries, program, path=path)
    return frozenset(libraries.found)


def follow(libraries: Libraries, program: str, *, path: str) -> None:
    """Add to `libraries` what `closure` gives."""
    files = libraries.files
    waiting = [(require(files, program, wanted_by="the command"), 0)]
    while waiting:
        real, depth = waiting.pop()
        start = files.read_at(real, 0, _START)
        if start.startswith(SHEBANG) and depth < _MAX_SCRIPTS:
            libraries.found.add(real)
            for candidates in _interpreters(start, path):
                opened = next((name for name in candidates if files.resolve(name) is not None), candidates[0])
                libraries.names[opened] = require(files, *candidates, wanted_by=real)
                waiting.append((libraries.names[opened], depth + 1))
        elif start.startswith(MAGIC):
            libraries.load(real)
        else:
            libraries.found.add(real)


def _interpreters(start: bytes, path: str) -> Iterator[tuple[str, ...]]:
    """Give where the interpreter of a script may be; where that is `env`, also the program that `env` looks up."""
    words = start.partition(b"\n")[0].removeprefix(SHEBANG).decode(errors="replace").split()
    if not words:
        raise UsageError("the image's program is a script whose first line names no interpreter")
    yield (words[0],)
    if posixpath.basename(words[0]) == "env":
        named = [word for word in words[1:] if not word.startswith("-") and "=" not in word][:1]
        for name in named:
            yield (name,) if "/" in name else tuple(posixpath.join(directory, name) for directory in split(path))
