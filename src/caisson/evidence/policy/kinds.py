"""What a member of a policy may be: how it is read, written, and described by a JSON schema.

One table of members gives a policy's reader, its writer and its schema, so they cannot disagree. Every member is
required unless it is marked otherwise, and members that nobody asked for are errors.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntFlag, StrEnum
from typing import Any, Generic, TypeVar

from caisson.abi import FixedBytes
from caisson.errors import Malformed

ANY = "any"
HINT = "see docs/reference/policy.md"

_T = TypeVar("_T")
_S = TypeVar("_S", bound=StrEnum)
_B = TypeVar("_B", bound=FixedBytes)


@dataclass(frozen=True, slots=True)
class Kind(Generic[_T]):
    """A kind of value. `read` takes what stands in the file, and how to call it in messages; it raises `Malformed`."""

    read: Callable[[object, str], _T]
    write: Callable[[Any], Any]
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a table: its name in the file, the attribute it becomes, and what it says."""

    name: str
    kind: Kind[Any]
    says: str
    attribute: str
    optional: bool = False


def member(name: str, kind: Kind[Any], says: str, *, attribute: str | None = None, optional: bool = False) -> Member:
    """Describe a member; the attribute bears the same name unless another is given."""
    return Member(name=name, kind=kind, says=says, attribute=attribute or name, optional=optional)


def read_members(value: object, what: str, members: Iterable[Member]) -> dict[str, Any]:
    """Read a table into attributes; what is optional and absent is left out.

    Raises:
        Malformed: not a table, a member is missing, unknown, or not of its kind.
    """
    given, every = _of_type(value, dict, what), tuple(members)
    lacking = [each.name for each in every if not each.optional and each.name not in given]
    unknown = given.keys() - {each.name for each in every}
    # A name that is misspelt is both.
    wrong = [f"lacks {_listed(lacking)}; every field is required"] if lacking else []
    wrong += [f"has unknown members: {_listed(unknown)}"] if unknown else []
    if wrong:
        raise Malformed(f"{what} {', and '.join(wrong)}", hint=HINT)
    return {
        each.attribute: each.kind.read(given[each.name], f"{what}: `{each.name}`")
        for each in every
        if each.name in given
    }


def write_members(value: object, members: Iterable[Member]) -> dict[str, Any]:
    """Give a table as it stands in the file; what is optional and `None` is left out."""
    found = ((each, getattr(value, each.attribute)) for each in members)
    return {each.name: each.kind.write(item) for each, item in found if not (each.optional and item is None)}


def schema_of(members: Iterable[Member]) -> dict[str, Any]:
    """Give the JSON schema of a table."""
    every = tuple(members)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [each.name for each in every if not each.optional],
        "properties": {each.name: {**each.kind.schema, "description": each.says} for each in every},
    }


def number(most: int) -> Kind[int]:
    """Make the kind of integers from 0 to `most`."""

    def read(value: object, what: str) -> int:
        found = _of_type(value, int, what)
        if not 0 <= found <= most:
            raise Malformed(f"{what} is not between 0 and {most}", hint=HINT)
        return found

    return Kind(read, int, {"type": "integer", "minimum": 0, "maximum": most})


def boolean() -> Kind[bool]:
    """Make the kind of `true` and `false`."""
    return Kind(lambda value, what: _of_type(value, bool, what), bool, {"type": "boolean"})


def text(read: Callable[[str], _T], *, write: Callable[[Any], str] = str, **schema: Any) -> Kind[_T]:
    """Make the kind of strings that `read` understands."""
    return Kind(lambda value, what: read(_of_type(value, str, what)), write, {"type": "string", **schema})


def octets(kind: type[_B]) -> Kind[_B]:
    """Make the kind of byte strings of a fixed length, in hexadecimal digits."""

    def read(value: object, what: str) -> _B:
        word = _of_type(value, str, what)
        try:
            return kind.from_hex(word)
        except Malformed as cause:
            raise Malformed(f"{what}: {cause.message}", hint=HINT) from cause

    return Kind(read, str, {"type": "string", "pattern": f"^[0-9a-fA-F]{{{2 * kind.SIZE}}}$"})


def choice(accepted: Iterable[_S], *, what: str) -> Kind[_S]:
    """Make the kind of words out of a list; `what` names one of them in messages."""
    known = {each.value: each for each in accepted}

    def read(word: str) -> _S:
        if word not in known:
            raise Malformed(f"policy: `{word[:40]}` is no {what}", hint=f"one of {', '.join(known)}")
        return known[word]

    return text(read, enum=list(known))


def flags(kind: type[IntFlag], *, without: int = 0) -> Kind[int]:
    """Make the kind of sets of named bits; those of `without` cannot be named."""
    known = {bit.name: bit.value for bit in kind if bit.name and not bit & without}

    def read(word: str) -> str:
        if word not in known:
            raise Malformed(
                f"policy: `{word[:40]}` is no bit that can be named here", hint=f"one of {', '.join(known)}"
            )
        return word

    names = set_of(text(read, enum=list(known)))
    return Kind(
        lambda value, what: sum(known[name] for name in names.read(value, what)),
        lambda bits: [name for name, bit in known.items() if bits & bit],
        names.schema,
    )


def set_of(kind: Kind[_T]) -> Kind[frozenset[_T]]:
    """Make the kind of lists whose order says nothing."""
    return Kind(
        lambda value, what: frozenset(_items(value, what, kind)),
        lambda items: sorted(map(kind.write, items)),
        {"type": "array", "items": dict(kind.schema)},
    )


def list_of(kind: Kind[_T]) -> Kind[tuple[_T, ...]]:
    """Make the kind of lists."""
    return Kind(
        _reader_of_items(kind),
        lambda items: [kind.write(item) for item in items],
        {"type": "array", "items": dict(kind.schema)},
    )


def any_or(kind: Kind[_T]) -> Kind[_T | None]:
    """Make the kind that may also be the word `any`, which is `None`: whoever does not care has to say so."""

    def read(value: object, what: str) -> _T | None:
        return None if value == ANY else kind.read(value, what)

    return Kind(
        read,
        lambda value: ANY if value is None else kind.write(value),
        {"anyOf": [{"const": ANY}, dict(kind.schema)]},
    )


def table(members: tuple[Member, ...], make: Callable[..., _T], *, what: str) -> Kind[_T]:
    """Make the kind of tables with these members, of which `make` makes a value; `what` names it in messages."""
    return Kind(
        lambda value, _: make(**read_members(value, what, members)),
        lambda value: write_members(value, members),
        schema_of(members),
    )


def table_by(keys: Iterable[str], kind: Kind[_T]) -> Kind[dict[str, _T]]:
    """Make the kind of tables whose members are all of one kind, and named by some of `keys`."""
    known = tuple(keys)

    def read(value: object, what: str) -> dict[str, _T]:
        return read_members(value, what, (member(key, kind, "", optional=True) for key in known))

    return Kind(
        read,
        lambda value: {key: kind.write(item) for key, item in value.items()},
        {"type": "object", "additionalProperties": False, "properties": {key: dict(kind.schema) for key in known}},
    )


def _reader_of_items(kind: Kind[_T]) -> Callable[[object, str], tuple[_T, ...]]:
    return lambda value, what: tuple(_items(value, what, kind))


def _items(value: object, what: str, kind: Kind[_T]) -> list[_T]:
    return [kind.read(item, f"an entry of {what}") for item in _of_type(value, list, what)]


def _listed(names: Iterable[object]) -> str:
    return ", ".join(f"`{name[:40]}`" for name in sorted(map(str, names)))


def _of_type(value: object, kind: type[_T], what: str) -> _T:
    # `type is`, because to Python a boolean is an integer.
    if type(value) is not kind:
        raise Malformed(f"{what} is not of type {kind.__name__}", hint=HINT)
    return value
