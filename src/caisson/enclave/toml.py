"""TOML: all of it for reading anyone's manifest, and the part whose values are JSON for our own.

Our own manifests are read twice, by this package and by the guest agent. So they keep to a part of TOML that
leaves no room for two readings: lines that are empty, a comment, `[table]`, `[[table]]` or `key = value`, keys bare,
values JSON strings, integers, booleans and arrays of these (docs/reference/image.md).
"""

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any, TypeVar

from caisson.errors import Malformed

MAX_SIZE = 16 << 20

Value = str | int | bool | tuple[str, ...]

_KEY = r"[A-Za-z0-9_-]{1,256}"
_BARE_KEY = re.compile(_KEY)
_HEADER = re.compile(rf"\[({_KEY}(?:\.{_KEY}){{0,8}})\]|\[\[({_KEY}(?:\.{_KEY}){{0,8}})\]\]")
_PAIR = re.compile(rf"({_KEY}) = (\S.*)")

_T = TypeVar("_T")


def read(raw: bytes) -> dict[str, Any]:
    """Read any TOML document of at most 16 MiB.

    Raises:
        Malformed: too long, not UTF-8, or not TOML.
    """
    return _checked(raw, tomllib.loads)


def read_plain(raw: bytes) -> dict[str, Any]:
    """Read a document of our own part of TOML, and make sure that a reader of all of TOML sees the same.

    Raises:
        Malformed: too long, not UTF-8, or outside of that part.
    """
    document = _checked(raw, _PlainReader().read)
    if b"\r" in raw or document != read(raw):
        raise Malformed("manifest could be read in two ways")
    return document


def write_value(value: Value) -> str:
    """Write a value in the spelling that is both JSON and TOML.

    Raises:
        Malformed: text with a NUL, which no path, argument or variable can hold, or without a form in UTF-8.
    """
    texts = value if isinstance(value, tuple) else (value,)
    if any(isinstance(text, str) and "\0" in text for text in texts):
        raise Malformed(f"manifest cannot hold {ascii(value)[:80]}, which has a NUL in it")
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    try:
        text.encode()
    except UnicodeEncodeError as cause:
        raise Malformed(f"manifest cannot hold {ascii(value)[:80]}, which is not Unicode text") from cause
    return text


def is_bare_key(text: str) -> bool:
    """Whether `text` can be a key without quotes."""
    return _BARE_KEY.fullmatch(text) is not None


def _checked(raw: bytes, reader: Callable[[str], _T]) -> _T:
    if len(raw) > MAX_SIZE:
        raise Malformed(f"manifest has {len(raw)} bytes, over the limit of {MAX_SIZE}")
    try:
        return reader(raw.decode())
    except (ValueError, RecursionError) as cause:
        raise Malformed(f"manifest is not TOML: {str(cause)[:200]}") from cause


class _PlainReader:
    """Reads line by line; refuses whatever could depend on who reads."""

    def __init__(self) -> None:
        self._document: dict[str, Any] = {}
        self._open = self._document
        self._arrays: set[str] = set()

    def read(self, text: str) -> dict[str, Any]:
        for number, line in enumerate(text.split("\n"), start=1):
            if line and not line.startswith("#") and (reason := self._line(line)):
                raise Malformed(f"manifest has {reason} in line {number}")
        return self._document

    def _line(self, line: str) -> str | None:
        """Read one line, and give the reason if that is impossible."""
        if header := _HEADER.fullmatch(line):
            return self._enter(header[1] or header[2], array=header[2] is not None)
        pair = _PAIR.fullmatch(line)
        if pair is None:
            return "neither a table nor a key with a value"
        if pair[1] in self._open:
            return "a key that is defined twice"
        self._open[pair[1]] = value = json.loads(pair[2])
        return None if _is_plain(value) else "a value that is not a string, integer, boolean or array of these"

    def _enter(self, name: str, *, array: bool) -> str | None:
        *parents, last = name.split(".")
        table = self._document
        for parent in parents:
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                return "a table below something that is none"
        if last in table and not (array and name in self._arrays):
            return "a table that is defined twice"
        self._open = {}
        if array:
            self._arrays.add(name)
            table.setdefault(last, []).append(self._open)
        else:
            table[last] = self._open
        return None


def _is_plain(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(type(item) in (str, int, bool) for item in items)
