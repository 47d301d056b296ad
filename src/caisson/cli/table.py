"""Tables for people: as wide as they are, unless a terminal is narrower."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

_BETWEEN = "  "
_LEAST = 30


def table(rows: Sequence[tuple[str, ...]], *, empty: str) -> str:
    """Write rows in columns; the first row is the heading.

    On a terminal that is too narrow the last column is broken or, where it has no room either, each row is a block of
    lines.
    """
    if len(rows) == 1:
        return empty
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    room = width - sum(widths[:-1]) - len(_BETWEEN) * (len(widths) - 1)
    if room < min(widths[-1], _LEAST):
        return "\n\n".join("\n".join(_block(rows[0], row)) for row in rows[1:])
    return "\n".join(line for row in rows for line in _lines(row, widths, room))


def _lines(row: tuple[str, ...], widths: list[int], room: int) -> Iterator[str]:
    first, *others = [row[-1]] if len(row[-1]) <= room else textwrap.wrap(row[-1], room, break_on_hyphens=False)
    yield _BETWEEN.join((*map(str.ljust, row[:-1], widths), first)).rstrip()
    indent = sum(widths[:-1]) + len(_BETWEEN) * (len(widths) - 1)
    for other in others:
        yield " " * indent + other


def _block(heading: tuple[str, ...], row: tuple[str, ...]) -> Iterator[str]:
    width = max(map(len, heading))
    for name, value in zip(heading, row, strict=True):
        yield f"{name:<{width}}{_BETWEEN}{value}".rstrip()
