"""Values that several parts of a recipe share."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

SIZE = re.compile(r"[1-9][0-9]*[KMG]")


def absolute(path: str) -> str:
    """Require an absolute path without `.` and `..`."""
    segments = path.split("/")
    if not path.startswith("/") or "\0" in path or any(part in (".", "..") for part in segments):
        raise ValueError("is not an absolute path without `.` and `..` segments")
    return path


def matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    """Require that a text matches as a whole; `what` says what it then is."""

    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"is not {what}")
        return text

    return AfterValidator(check)


def power_of_two(size: str) -> str:
    """Require a size that is a power of two."""
    if int(size[:-1]).bit_count() != 1:
        raise ValueError("is not a power of two, as SGX wants it")
    return size


AbsolutePath = Annotated[str, AfterValidator(absolute)]


class Table(BaseModel):
    """A part of a recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
