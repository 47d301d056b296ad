"""Canonical JSON (RFC 8785), and nothing else: what is not canonical is refused on reading."""

import base64
import binascii
import json
from typing import Any, TypeVar

import rfc8785

from caisson.errors import Malformed

_T = TypeVar("_T")


def encode(value: dict[str, Any]) -> bytes:
    """Give the one canonical form of `value`: objects, arrays, strings, integers, booleans."""
    return rfc8785.dumps(value)


def decode(raw: bytes, *, what: str) -> dict[str, Any]:
    """Read one JSON object that is in canonical form.

    Because the bytes must equal their own re-encoding, duplicate members, other spellings of
    a number, insignificant white space and trailing bytes are all refused.

    Raises:
        Malformed: not JSON, not an object, or not canonical.
    """
    try:
        value: Any = json.loads(raw)
        canonical = isinstance(value, dict) and rfc8785.dumps(value) == raw
    except (ValueError, RecursionError, rfc8785.CanonicalizationError) as cause:
        raise Malformed(f"{what} is not JSON that has a canonical form") from cause
    if not isinstance(value, dict) or not canonical:
        raise Malformed(f"{what} is not a JSON object in canonical form")
    return value


class Members:
    """Takes typed members out of a JSON object, and refuses those nobody asked for."""

    def __init__(self, value: dict[str, Any], *, what: str) -> None:
        self._left = dict(value)
        self._what = what

    def version(self, known: int) -> None:
        """Take `version` and require it to be `known`."""
        if self.integer("version") != known:
            raise Malformed(f"{self._what} has a version other than {known}")

    def text(self, name: str) -> str:
        """Take a string."""
        return self._take(name, str)

    def integer(self, name: str) -> int:
        """Take an integer; a boolean is none."""
        return self._take(name, int)

    def boolean(self, name: str) -> bool:
        """Take a boolean."""
        return self._take(name, bool)

    def octets(self, name: str) -> bytes:
        """Take bytes, written in base64 (RFC 4648, section 4) with padding."""
        return unbase64(self.text(name), what=f"{self._what}: {name}")

    def items(self, name: str) -> list[Any]:
        """Take an array."""
        return self._take(name, list)

    def members(self, name: str) -> dict[str, Any]:
        """Take an object."""
        return self._take(name, dict)

    def finish(self) -> None:
        """Refuse whatever was not taken.

        Raises:
            Malformed: a member is left.
        """
        if self._left:
            raise Malformed(f"{self._what} has unknown members: {', '.join(sorted(self._left))}")

    def _take(self, name: str, kind: type[_T]) -> _T:
        value = self._left.pop(name, None)
        if type(value) is not kind:
            raise Malformed(f"{self._what} lacks {name}, or it is not of type {kind.__name__}")
        return value


def base64_text(value: bytes) -> str:
    """Write bytes in base64 (RFC 4648, section 4) with padding."""
    return base64.b64encode(value).decode("ascii")


def unbase64(text: str, *, what: str) -> bytes:
    """Read base64 in the one spelling that `base64_text` writes.

    Raises:
        Malformed: another alphabet, missing padding, or bits that do not count.
    """
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as cause:
        raise Malformed(f"{what} is not base64") from cause
    if base64_text(value) != text:
        raise Malformed(f"{what} is not base64 in its one spelling")
    return value
