"""JSON documents of images, as strangers wrote them: bounded, unambiguous, and every member of a known type."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from caisson.errors import Malformed

MAX_SIZE = 4 * 1024 * 1024
"""Registries must accept manifests of 4 MiB (OCI distribution-spec, "Pushing Manifests"); nobody needs more."""

_T = TypeVar("_T")


def encode(value: Mapping[str, Any] | list[Any]) -> bytes:
    """Write JSON in one way: sorted members, no white space, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def decode(raw: bytes, *, what: str) -> Any:
    """Read one JSON document.

    Members that occur twice are refused, because readers disagree on which of them counts; so is text that
    UTF-8 cannot hold.

    Raises:
        Malformed: too large, not JSON, or ambiguous.
    """
    if len(raw) > MAX_SIZE:
        raise Malformed(f"{what} is larger than {MAX_SIZE} bytes")
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
        encode({"value": value})
    except (ValueError, RecursionError) as cause:
        raise Malformed(f"{what} is not unambiguous JSON") from cause
    return value


def decode_object(raw: bytes, *, what: str) -> "Members":
    """Read one JSON object.

    Raises:
        Malformed: see `decode`, or the document is not an object.
    """
    return Members.of(decode(raw, what=what), what=what)


class Members:
    """Takes typed members out of a JSON object; `null` counts as absent, as Go's encoder writes it for empty."""

    def __init__(self, value: Mapping[str, Any], *, what: str) -> None:
        self._left = {name: member for name, member in value.items() if member is not None}
        self._what = what

    @classmethod
    def of(cls, value: object, *, what: str) -> "Members":
        """Require an object whose members' names differ by more than case, since Go's decoder ignores case."""
        if not isinstance(value, dict):
            raise Malformed(f"{what} is not an object")
        if len({name.casefold() for name in value}) != len(value):
            raise Malformed(f"{what} has members that differ only in case")
        return cls(value, what=what)

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def require(self, name: str, kind: type[_T]) -> _T:
        """Take a member that must be there."""
        value = self.optional(name, kind)
        if value is None:
            raise Malformed(f"{self._what} lacks `{name}`")
        return value

    def optional(self, name: str, kind: type[_T]) -> _T | None:
        """Take a member, or give None. A boolean is no integer."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        if type(value) is not kind:
            raise Malformed(f"{self._what}: `{name}` is not of type {kind.__name__}")
        return value

    def text(self, name: str) -> str:
        """Take a string; an absent one is empty."""
        return self.optional(name, str) or ""

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Take an array of strings, or None. A lone string is an array of one, as Docker reads it."""
        value = self._left.pop(name, None)
        match value:
            case None:
                return None
            case str():
                return (value,)
            case list() if all(isinstance(item, str) for item in value):
                return tuple(value)
            case _:
                raise Malformed(f"{self._what}: `{name}` is not a list of strings")

    def text_map(self, name: str) -> dict[str, str]:
        """Take an object whose members are strings; an absent one is empty."""
        value: dict[str, Any] = self.optional(name, dict) or {}
        if not all(isinstance(item, str) for item in value.values()):
            raise Malformed(f"{self._what}: `{name}` has a member that is not a string")
        return value

    def keys(self, name: str) -> tuple[str, ...]:
        """Take the sorted names of an object that is used as a set (`ExposedPorts`, `Volumes`)."""
        value: dict[str, Any] = self.optional(name, dict) or {}
        return tuple(sorted(value))

    def objects(self, name: str) -> "tuple[Members, ...]":
        """Take an array of objects; an absent one is empty."""
        value: list[Any] = self.optional(name, list) or []
        return tuple(Members.of(item, what=f"{self._what}: {name}") for item in value)

    def rest(self) -> dict[str, Any]:
        """Give what was not taken: members that Caisson carries along without knowing them."""
        return self._left


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a member occurs twice")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
