"""Reading JSON that somebody signed: typed members, no duplicates, nothing guessed.

Members that are not asked for are left alone: the signer may add some, and a reader that was
written before cannot know them. What is asked for must be there, of its type and size.
"""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from caisson.errors import Malformed

_T = TypeVar("_T")
_MOMENT_SIZE = len("2000-01-01T00:00:00Z")


class Fields(NamedTuple):
    """One JSON object, called `what` in messages."""

    value: dict[str, Any]
    what: str

    @classmethod
    def parse(cls, raw: bytes | str, *, what: str) -> "Fields":
        """Read one object; a member that occurs twice is refused.

        Raises:
            Malformed: not JSON, not an object, or ambiguous.
        """
        try:
            text = raw.decode() if isinstance(raw, bytes) else raw  # UTF-8 only; `json` alone would guess
            value = _DECODER.decode(text)
        except (ValueError, RecursionError) as cause:
            raise Malformed(f"{what} is not JSON, or says something twice") from cause
        if not isinstance(value, dict):
            raise Malformed(f"{what} is not a JSON object")
        return cls(value, what)

    def text(self, name: str) -> str:
        """Give a string."""
        return self._get(name, str)

    def integer(self, name: str, *, most: int) -> int:
        """Give an integer from 0 to `most`."""
        value = self._get(name, int)
        if not 0 <= value <= most:
            raise Malformed(f"{self.what}: `{name}` is {value}, not between 0 and {most}")
        return value

    def octets(self, name: str, *, size: int) -> bytes:
        """Give exactly `size` bytes, written in hexadecimal digits of either case."""
        return octets(self.text(name), what=f"{self.what}: `{name}`", size=size)

    def moment(self, name: str) -> datetime:
        """Give a time, written as RFC 3339 in whole seconds of UTC."""
        text = self.text(name)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as cause:
            raise Malformed(f"{self.what}: `{name}` is not a time: {text[:40]!r}") from cause
        # The one spelling of the source; an offset or a fraction would be another.
        if moment.tzinfo is not UTC or len(text) != _MOMENT_SIZE or not text.endswith("Z"):
            raise Malformed(f"{self.what}: `{name}` is not a time in whole seconds of UTC: {text[:40]!r}")
        return moment

    def texts(self, name: str) -> tuple[str, ...]:
        """Give a list of strings; a list that is absent is empty."""
        return tuple(self._all(name, str))

    def member(self, name: str) -> "Fields":
        """Give an object."""
        return Fields(self._get(name, dict), f"{self.what}: `{name}`")

    def members(self, name: str) -> tuple["Fields", ...]:
        """Give a list of objects; a list that is absent is empty."""
        what = f"{self.what}: `{name}`"
        return tuple(Fields(each, f"{what} {at}") for at, each in enumerate(self._all(name, dict)))

    def column(self, name: str, member: str) -> bytes:
        """Give one integer member, from 0 to 255, of each object in a list; a list that is absent is empty."""
        try:
            numbers = [each[member] for each in self._list(name)]
            octets = bytes(numbers)
        except (KeyError, TypeError, ValueError) as cause:
            raise self._without(name, member) from cause
        # To Python a boolean is an integer, and makes a byte.
        if bool in map(type, numbers):
            raise self._without(name, member)
        return octets

    def _list(self, name: str) -> list[Any]:
        return self._get(name, list) if name in self.value else []

    def _all(self, name: str, kind: type[_T]) -> list[_T]:
        values = self._list(name)
        if set(map(type, values)) - {kind}:
            raise self._mistyped(name, kind)
        return values

    def _get(self, name: str, kind: type[_T]) -> _T:
        value = self.value.get(name)
        # `type is`, because to Python a boolean is an integer.
        if type(value) is not kind:
            raise self._mistyped(name, kind) if name in self.value else Malformed(f"{self.what} lacks `{name}`")
        return value

    def _mistyped(self, name: str, kind: type) -> Malformed:
        return Malformed(f"{self.what}: `{name}` is, or has in it, what is not of type {kind.__name__}")

    def _without(self, name: str, member: str) -> Malformed:
        return Malformed(f"{self.what}: `{name}` has an entry whose `{member}` is not between 0 and 255")


def octets(text: str, *, what: str, size: int | None = None) -> bytes:
    """Read bytes from hexadecimal digits of either case, without spaces.

    Raises:
        Malformed: not hexadecimal, or not `size` bytes.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError as cause:
        raise Malformed(f"{what} is not hexadecimal") from cause
    if len(text) != 2 * len(value):
        raise Malformed(f"{what} has white space in it, and is not hexadecimal only")
    if size is not None and len(value) != size:
        raise Malformed(f"{what} has {len(value)} bytes, not {size}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, member in pairs:
        if name in value:
            raise ValueError("duplicate member")
        value[name] = member
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
