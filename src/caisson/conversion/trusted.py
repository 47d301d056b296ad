"""Which files of an image are measured: the closure of everything that the command names, and what the recipe lists."""

import posixpath
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from caisson.conversion.closure import follow
from caisson.conversion.command import User
from caisson.conversion.content import Content
from caisson.conversion.elf import HEADER_SIZE, is_loadable
from caisson.conversion.libraries import Libraries
from caisson.conversion.recipe_program import Files
from caisson.errors import UsageError

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


def needed_files(program: Program, content: Content) -> Libraries:
    """Find what starting a program needs.

    That is the program, and each file that a word of its command names - a script, a configuration, the program that
    an entry point or a shell will start - each with its interpreter and its libraries.

    Raises:
        UsageError: a library or an interpreter is missing.
        ImageRejected: a file that begins like an ELF file and is none.
    """
    libraries = Libraries(content, program.environment.get("LD_LIBRARY_PATH", ""))
    path = program.environment["PATH"]
    for named in (program.path, *_named(program, content)):
        if named not in libraries.found:
            follow(libraries, named, path=path)
    return libraries


def add_listed(libraries: Libraries, listed: Files, content: Content, *, own: Iterable[str]) -> None:
    """Add what a recipe lists: files, directories, and modules with their libraries. `own` are files that it adds.

    Raises:
        UsageError: there is nothing at a path that is listed, or a module's library is missing.
        ImageRejected: a module that begins like an ELF file and is none.
    """
    added = frozenset(own)
    for path in listed.trusted:
        for real in content.files_below(path) if path not in added else ():
            libraries.found.add(real)
            if _is_module(real, content):
                _add_what_is_there(libraries, real)
    for pattern in listed.modules:
        found = content.matching(pattern)
        if not found:
            raise UsageError(f"the recipe names the modules `{pattern}`, and the image has none")
        for real in found:
            libraries.load(real)


def _is_module(path: str, content: Content) -> bool:
    return is_loadable(content.read_at(path, 0, HEADER_SIZE))


def _add_what_is_there(libraries: Libraries, module: str) -> None:
    """Add a module's libraries, unless one is missing: of what a directory holds, not everything is ever loaded."""
    trial = libraries.copy()
    try:
        trial.load(module)
    except UsageError:
        return
    libraries.take(trial)


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
