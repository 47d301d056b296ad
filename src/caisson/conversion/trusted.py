"""Which files of an image are measured: the closure of everything that the command names, and what the recipe lists."""

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from caisson.conversion.closure import closure
from caisson.conversion.command import User
from caisson.conversion.content import Content

_SHELLS = frozenset({"ash", "bash", "dash", "ksh", "sh", "zsh"})
_MAX_WORD = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What will be started: `path` is where its file really is, `argv` its arguments from `argv[0]` on."""

    path: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    working_dir: str
    user: User


def needed_files(program: Program, content: Content) -> frozenset[str]:
    """Give the real paths of what starting a program needs.

    That is the program, and each file that a word of its command names - a script, a configuration, the program that
    an entry point or a shell will start - each with its interpreter and its libraries.

    Raises:
        UsageError: a library or an interpreter is missing.
        ImageRejected: a file that begins like an ELF file and is none.
    """
    library_path = program.environment.get("LD_LIBRARY_PATH", "")
    path = program.environment["PATH"]
    found = set[str]()
    for named in (program.path, *_named(program, content)):
        if named not in found:
            found |= closure(named, content, library_path=library_path, path=path)
    return frozenset(found)


def _named(program: Program, content: Content) -> Iterator[str]:
    for word in _words(program.argv):
        if len(word) > _MAX_WORD:
            continue
        if "/" in word:
            real = content.resolve(posixpath.join(program.working_dir, word.rpartition("=")[2]))
        else:
            real = _on_path(word, program, content) or content.resolve(posixpath.join(program.working_dir, word))
        if real is not None:
            yield real


def _words(argv: tuple[str, ...]) -> Iterator[str]:
    """Give the words after `argv[0]`; what a shell is given may hold several."""
    is_shell = posixpath.basename(argv[0]) in _SHELLS
    for word in argv[1:]:
        yield from _split(word) if is_shell else (word,)


def _split(text: str) -> Iterator[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        yield from lexer
    except ValueError:  # not a whole command: the words before are as good as they are
        return


def _on_path(word: str, program: Program, content: Content) -> str | None:
    for directory in program.environment["PATH"].split(":"):
        candidate = posixpath.join(directory, word)
        if directory.startswith("/") and content.is_executable(candidate):
            return content.resolve(candidate)
    return None
