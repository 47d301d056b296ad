"""Structures that are nothing but fixed byte strings in a row: the declaration is the layout."""

from dataclasses import dataclass, fields
from functools import cache
from struct import Struct
from typing import Self, get_type_hints

from caisson.abi.fields import require_size
from caisson.abi.fixed import FixedBytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The base of dataclasses whose members are all `FixedBytes`, in the order in which they lie in memory.

    A subclass continues where its base ends.
    """

    @classmethod
    def size(cls) -> int:
        """Give the number of bytes."""
        return _layout(cls).whole.size

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read exactly `size()` bytes.

        Raises:
            Malformed: another length.
        """
        layout = _layout(cls)
        require_size(raw, layout.whole.size, cls.__name__)
        parts = zip(layout.members, layout.whole.unpack(raw), strict=True)
        return cls(**{name: kind(part) for (name, kind), part in parts})

    def encode(self) -> bytes:
        """Give the bytes."""
        return b"".join(getattr(self, name).value for name, _ in _layout(type(self)).members)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """The members with their names, and all of them as `struct` takes them apart."""

    members: tuple[tuple[str, type[FixedBytes]], ...]
    whole: Struct


@cache
def _layout(structure: type[Structure]) -> _Layout:
    kinds = get_type_hints(structure)
    members = tuple((field.name, kinds[field.name]) for field in fields(structure))
    return _Layout(members=members, whole=Struct("".join(f"{kind.SIZE}s" for _, kind in members)))
