"""Taking typed values out of a TOML table."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from caisson.errors import Malformed

_T = TypeVar("_T")
_C = TypeVar("_C", bound=str)
_INT_LIMIT = (1 << 63) - 1


class Table:
    """A table of the manifest: values are taken out by name and type, and what is left over can be refused.

    Raises:
        Malformed: not a table.
    """

    def __init__(self, value: Any, *, name: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"manifest has `{name}`, which is not a table")
        self._left = dict(value)
        self._name = name

    def __iter__(self) -> Iterator[str]:
        """Name what has not been taken yet."""
        return iter(self._left)

    def text(self, key: str, *, default: str | None = None) -> str:
        """Take a string without NUL, which neither paths, arguments nor variables can hold."""
        value = self._take(key, str, default)
        if "\0" in value:
            raise Malformed(f"manifest has `{self._path(key)}` with a NUL in it")
        return value

    def choice(self, key: str, choices: Sequence[_C]) -> _C:
        """Take a string that is one of `choices`."""
        value = self.text(key)
        for choice in choices:
            if value == choice:
                return choice
        raise Malformed(f"manifest has `{self._path(key)}` {value[:40]!r}, not one of {', '.join(choices)}")

    def integer(self, key: str, *, least: int = 0, most: int = _INT_LIMIT, default: int | None = None) -> int:
        """Take an integer between two limits; a boolean is none."""
        value = self._take(key, int, default)
        if not least <= value <= most:
            raise Malformed(f"manifest has `{self._path(key)}` = {str(value)[:40]}, not within {least} and {most}")
        return value

    def boolean(self, key: str, *, default: bool | None = None) -> bool:
        """Take `true` or `false`."""
        return self._take(key, bool, default)

    def texts(self, key: str) -> tuple[str, ...]:
        """Take an array of strings."""
        items: list[Any] = self._take(key, list, None)
        return tuple(Table({key: item}, name=self._name).text(key) for item in items)

    def any(self, key: str) -> Any:
        """Take whatever is there."""
        return self._left.pop(key)

    def table(self, key: str, *, default: dict[str, Any] | None = None) -> "Table":
        """Take a table."""
        return Table(self._take(key, dict, default), name=self._path(key))

    def has_table(self, key: str) -> bool:
        """Whether there is a table of that name."""
        return isinstance(self._left.get(key), dict)

    def tables(self, key: str) -> tuple["Table", ...]:
        """Take an array of tables; no such key is an empty array."""
        return tuple(Table(item, name=self._path(key)) for item in self._take(key, list, []))

    def finish(self) -> None:
        """Refuse whatever was not taken.

        Raises:
            Malformed: a key is left.
        """
        if self._left:
            names = ", ".join(f"`{self._path(key)}`" for key in sorted(self._left)[:5])
            raise Malformed(f"manifest has unknown keys: {names}")

    def _take(self, key: str, kind: type[_T], default: _T | None) -> _T:
        value = self._left.pop(key, default)
        if value is None:
            raise Malformed(f"manifest lacks `{self._path(key)}`")
        if type(value) is not kind:
            raise Malformed(f"manifest has `{self._path(key)}`, which is not of type {kind.__name__}")
        return value

    def _path(self, key: str) -> str:
        return f"{self._name}.{key[:40]}" if self._name else key[:40]
