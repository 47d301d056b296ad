"""What is known about one key of Gramine's manifest: its type, its default, how much hangs on it."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

_SIZE = re.compile(r"(0[xX][0-9a-fA-F]{1,16}|0|[1-9][0-9]{0,18})[KMG]?")
_MASK = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FS_KEY = re.compile(r"[0-9a-fA-F]{32}")
_URI = re.compile(r"(file|dev):.*", re.DOTALL)
_INT_LIMIT = (1 << 63) - 1


class Security(Enum):
    """What a key is about, by the letter that the reference uses."""

    SECURITY = "S"
    SIZING = "P"
    FUNCTION = "F"
    DEBUG = "D"

    @property
    def words(self) -> str:
        """Say it in plain words."""
        return _WORDS[self]


_WORDS = {
    Security.SECURITY: "security: a wrong value gives something away to the host",
    Security.SIZING: "sizing and speed: a wrong value costs time, memory or the start",
    Security.FUNCTION: "function: a wrong value breaks the program, not its protection",
    Security.DEBUG: "debugging: not for production",
}


class Kind(Enum):
    """What a value may be; the value says it in plain words."""

    TEXT = "text"
    TEXTS = "a list of texts"
    BOOLEAN = "true or false"
    INTEGER = "a whole number"
    LENGTH = "a whole number, or the name of a field that holds it"
    LAYOUT = "the name of a layout, or a layout"
    SIZE = "a size such as `512M` or `0x20000000`"
    MASK = "a mask in hex such as `0xffffffff`"
    URI = "`file:…` or `dev:…`"
    SHA256 = "a SHA-256 in 64 lower-case hex digits"
    FS_KEY = "a key in 32 hex digits"

    def accepts(self, value: Any) -> bool:
        """Whether `value`, as TOML gives it, is of this kind."""
        match self:
            case Kind.BOOLEAN:
                accepted = type(value) is bool
            case Kind.INTEGER:
                accepted = type(value) is int
            case Kind.LENGTH:
                accepted = type(value) is int or _is_text(value)
            case Kind.LAYOUT:
                accepted = isinstance(value, list) or _is_text(value)
            case Kind.TEXTS:
                accepted = isinstance(value, list) and all(map(_is_text, value))
            case _:
                pattern = _PATTERNS.get(self)
                accepted = _is_text(value) and (pattern is None or pattern.fullmatch(value) is not None)
        return accepted


_PATTERNS = {
    Kind.SIZE: _SIZE,
    Kind.MASK: _MASK,
    Kind.URI: _URI,
    Kind.SHA256: _SHA256,
    Kind.FS_KEY: _FS_KEY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key. `name` is dotted; in it `[]` stands for each item of an array and `*` for a name that the author gives.

    `default` is what Gramine takes where the key is missing, None if nothing. `written` marks what Caisson writes into
    each of its manifests, so that nothing rests on a default.
    """

    name: str
    kind: Kind
    security: Security
    meaning: str
    default: str | int | bool | None = None
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = _INT_LIMIT
    written: bool = False

    @property
    def section(self) -> str:
        """The name of the table that the key stands in."""
        return self.name.rpartition(".")[0]

    @property
    def last(self) -> str:
        """The key's own name, within its table."""
        return self.name.rpartition(".")[2]

    @property
    def values(self) -> str:
        """What the value may be, in words."""
        return ", ".join(f"`{choice}`" for choice in self.choices) or self.kind.value

    def fault(self, value: Any) -> str | None:
        """Say what is wrong with a value, or None if nothing is."""
        if not self.kind.accepts(value):
            return f"is not {self.kind.value}"
        if self.choices and value not in self.choices:
            return f"is {value[:40]!r}, not one of {', '.join(self.choices)}"
        if type(value) is int and not self.least <= value <= self.most:
            return f"is {str(value)[:40]}, not within {self.least} and {self.most}"
        return None


def _is_text(value: Any) -> bool:
    """Whether it is a string without NUL, which neither paths, arguments nor variables can hold."""
    return isinstance(value, str) and "\0" not in value
