"""Structures that are nothing but fixed byte strings in a row: the declaration is the layout."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from struct import Struct
from typing import Self, get_type_hints

from caisson.abi.fields import require_size
from caisson.abi.fixed import FixedBytes, set_value


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
        # Each member is put in its place: constructors cost twice as much. All lengths are the layout's.
        new = object.__new__
        structure = new(cls)
        for place, kind, part in zip(layout.places, layout.kinds, layout.whole.unpack(raw), strict=True):
            member = new(kind)
            set_value(member, part)
            place(structure, member)
        return structure

    def encode(self) -> bytes:
        """Give the bytes."""
        return b"".join(getattr(self, name).value for name in _layout(type(self)).names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """The members: their names, types and places in the object, and all of them as `struct` takes them apart."""

    names: tuple[str, ...]
    kinds: tuple[type[FixedBytes], ...]
    places: tuple[Callable[[Structure, FixedBytes], None], ...]
    whole: Struct


_LAYOUTS: dict[type[Structure], _Layout] = {}


def _layout(structure: type[Structure]) -> _Layout:
    known = _LAYOUTS.get(structure)
    if known is None:
        known = _LAYOUTS[structure] = _find_layout(structure)
    return known


def _find_layout(structure: type[Structure]) -> _Layout:
    hints, names = get_type_hints(structure), tuple(field.name for field in fields(structure))
    kinds = tuple(hints[name] for name in names)
    return _Layout(
        names=names,
        kinds=kinds,
        places=tuple(getattr(structure, name).__set__ for name in names),
        whole=Struct("".join(f"{kind.SIZE}s" for kind in kinds)),
    )
