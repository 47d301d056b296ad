"""What all readings are made of. They can come from a file that somebody sent: types and sizes are checked."""

from typing import Annotated, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid", strict=True)
_MOST_TEXT = 4096
_MOST_ITEMS = 4096
_T = TypeVar("_T")

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Register = Annotated[int, Field(ge=0, lt=1 << 32)]
Register64 = Annotated[int, Field(ge=0, lt=1 << 64)]
Text = Annotated[str, Field(max_length=_MOST_TEXT)]
Texts = Annotated[tuple[Text, ...], Field(max_length=_MOST_ITEMS)]


@dataclass_transform(kw_only_default=True, frozen_default=True)
def reading(kind: type[_T]) -> type[_T]:
    """Make a class one of frozen values that are checked when they are made."""
    made: type[_T] = dataclass(kind, frozen=True, slots=True, kw_only=True, config=_STRICT)  # type: ignore[assignment]
    return made


@reading
class Unread:
    """Something that could not be read, and why."""

    unread: Text
