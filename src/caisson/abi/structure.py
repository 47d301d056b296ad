"""Structures that are nothing but fixed byte strings in a row: the declaration is the layout."""

from dataclasses import dataclass, fields
from typing import Any, Self, get_type_hints

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
        return sum(kind.SIZE for _, kind in _layout(cls))

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read exactly `size()` bytes.

        Raises:
            Malformed: another length.
        """
        layout = _layout(cls)
        require_size(raw, cls.size(), cls.__name__)
        members: dict[str, Any] = {}
        at = 0
        for name, kind in layout:
            end = at + kind.SIZE
            members[name] = kind(raw[at:end])
            at = end
        return cls(**members)

    def encode(self) -> bytes:
        """Give the bytes."""
        return b"".join(getattr(self, name).value for name, _ in _layout(type(self)))


_LAYOUTS: dict[type[Structure], tuple[tuple[str, type[FixedBytes]], ...]] = {}


def _layout(structure: type[Structure]) -> tuple[tuple[str, type[FixedBytes]], ...]:
    known = _LAYOUTS.get(structure)
    if known is None:
        kinds = get_type_hints(structure)
        known = _LAYOUTS[structure] = tuple((field.name, kinds[field.name]) for field in fields(structure))
    return known
