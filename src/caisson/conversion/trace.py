"""What a traced run opened, and what a recipe would have to list for it.

Source: strace(1) for the form of its lines.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from caisson.conversion import places
from caisson.conversion.content import Content
from caisson.conversion.elf import HEADER_SIZE, is_native

# PID call(DIRECTORY, "PATH", …) = RESULT; a call that was interrupted by another thread's is resumed on a later line.
_CALL = re.compile(
    r"^(?P<pid>\d+)\s+(?:open|openat|openat2|execve|execveat)\((?:AT_FDCWD, |(?P<at>\d+)(?:<[^>]*>)?, )?"
    r'"(?P<path>(?:[^"\\]|\\.)*)"(?P<rest>.*)$'
)
_RESUMED = re.compile(r"^(?P<pid>\d+)\s+<\.\.\. \w+ resumed>.*= (?P<result>-?\d+)")
_RESULT = re.compile(r"\)\s+= (?P<result>-?\d+)")
_ESCAPE = re.compile(r'\\(?:([0-7]{1,3})|(["\\nrtvf]))')
_PLAIN = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "f": "\f"}
_WRITES = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_DIRECTORY", "O_PATH")
# Made by the kernel, or by whatever starts a container: not the image's.
_FOREIGN = ("/proc", "/sys", "/dev", "/etc/resolv.conf", "/etc/hosts", "/etc/hostname")
_MANY = 8  # files of one directory that make it worth listing as a whole
_DEPTH = 3  # segments that a directory has at least, to be listed as a whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Lines for `[files]` of a recipe: what was opened and would not be measured."""

    trusted: tuple[str, ...]
    modules: tuple[str, ...]

    def toml(self) -> str:
        """Write the lines; nothing if nothing is missing."""
        lines = []
        for name, paths in (("trusted", self.trusted), ("modules", self.modules)):
            if paths:
                lines += [f"{name} = [", *(f"  {_quoted(path)}," for path in paths), "]"]
        return "\n".join(("[files]", *lines, "")) if lines else ""


def opened_files(log: str) -> frozenset[str]:
    """Give the absolute paths that were opened for reading, or executed, with success."""
    waiting: dict[str, str] = {}
    found = set[str]()
    for line in log.splitlines():
        if (resumed := _RESUMED.match(line)) is not None:
            path = waiting.pop(resumed["pid"], None)
            if path is not None and int(resumed["result"]) >= 0:
                found.add(path)
        elif (call := _CALL.match(line)) is not None and not any(word in call["rest"] for word in _WRITES):
            path = _ESCAPE.sub(_unescaped, call["path"])
            result = _RESULT.search(call["rest"])
            if result is None:
                waiting[call["pid"]] = path
            elif int(result["result"]) >= 0:
                found.add(path)
    return frozenset(posixpath.normpath(path) for path in found if path.startswith("/"))


def propose(opened: Iterable[str], content: Content, *, trusted: Iterable[str], hidden: Iterable[str]) -> Proposal:
    """Compare what was opened with what is measured. `hidden` are paths over which something is mounted."""
    known = frozenset(trusted)
    covers = tuple(f"{path.rstrip('/')}/" for path in (*hidden, places.DIRECTORY, *_FOREIGN))
    reals = {content.resolve(path) for path in opened if not f"{path}/".startswith(covers)}
    missing = sorted(real for real in reals if real is not None and real not in known)
    modules = [path for path in missing if is_native(content.read_at(path, 0, HEADER_SIZE))]
    others = [path for path in missing if path not in set(modules)]
    gathered = tuple(sorted(_gathered(others)))
    # A module in a directory that is listed is measured with its libraries anyway.
    return Proposal(
        trusted=gathered,
        modules=tuple(path for path in modules if not path.startswith(tuple(f"{top}/" for top in gathered))),
    )


def _gathered(paths: list[str]) -> Iterator[str]:
    """Give paths, and directories in place of many files in them."""
    by_directory = defaultdict[str, list[str]](list)
    for path in paths:
        by_directory[posixpath.dirname(path)].append(path)
    whole = {name for name, held in by_directory.items() if len(held) >= _MANY and name.count("/") >= _DEPTH}
    for name, held in by_directory.items():
        if not any(name == top or name.startswith(f"{top}/") for top in whole):
            yield from held
    yield from (name for name in whole if not any(name.startswith(f"{top}/") for top in whole))


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 8)) if found[1] else _PLAIN[found[2]]


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
