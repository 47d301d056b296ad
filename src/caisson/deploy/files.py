"""What a deployment is written as: files, each with a name of its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file to be written; `name` may lead into a directory below."""

    name: str
    text: str
    executable: bool = False
