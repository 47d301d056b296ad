"""Values that several parts of a recipe share."""

import re
from importlib.resources.abc import Traversable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from caisson.conversion import places

SIZE = re.compile(r"[1-9][0-9]*[KMG]")
NEIGHBOUR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_MOST_NEIGHBOUR = 4 << 20  # bytes of a file beside the recipe
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


def absolute(path: str) -> str:
    """Require an absolute path without `.` and `..`."""
    segments = path.split("/")
    if not path.startswith("/") or "\0" in path or any(part in (".", "..") for part in segments):
        raise ValueError("is not an absolute path without `.` and `..` segments")
    return path


def added(path: str) -> str:
    """Require the path of something that can be added to an image."""
    if path.endswith("/") or f"{path}/".startswith(f"{places.DIRECTORY}/"):
        raise ValueError(f"is a directory, or lies below `{places.DIRECTORY}`")
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


def neighbour(name: object, folder: Traversable | None) -> str:
    """Read the text of a file that lies beside the recipe."""
    if folder is None:
        raise ValueError("names a file beside the recipe, which was not read out of a folder")
    if not isinstance(name, str) or NEIGHBOUR.fullmatch(name) is None:
        raise ValueError(f"names {str(name)[:80]!r}, which is no file beside the recipe")
    try:
        with folder.joinpath(name).open("rb") as file:
            raw = file.read(_MOST_NEIGHBOUR + 1)
        text = raw.decode()
    except (OSError, UnicodeDecodeError) as cause:
        raise ValueError(f"names `{name}`, which cannot be read as text: {cause}") from cause
    if len(raw) > _MOST_NEIGHBOUR:
        raise ValueError(f"names `{name}`, which has more than {_MOST_NEIGHBOUR} bytes")
    return text


def octal(value: object) -> object:
    """Read octal digits as permission bits; what is no text of them stays."""
    return int(value, 8) if isinstance(value, str) and re.fullmatch(r"0?[0-7]{3}", value) else value


AbsolutePath = Annotated[str, AfterValidator(absolute)]
Variable = Annotated[str, matching(_VARIABLE, "a name for a variable")]
KeyName = Annotated[str, matching(_KEY_NAME, "a name for a file-system key")]


class Table(BaseModel):
    """A part of a recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
