"""Reading what programs that are not ours answer: a part of it, leniently, or an error of our tree."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caisson.errors import Malformed

Text = Annotated[str, Field(max_length=1024)]
Number = Annotated[int, Field(ge=0, lt=1 << 63)]


class Answer(BaseModel):
    """A part of an answer: members that are not described are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@contextmanager
def answer_of(who: str) -> Iterator[None]:
    """Turn what reading an answer of another shape raises into our error.

    Raises:
        Malformed: it is nothing that `who` says.
    """
    try:
        yield
    except ValidationError as cause:
        first = cause.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "all of it"
        raise Malformed(f"{who} says something else than it should: {place[:80]}") from cause
