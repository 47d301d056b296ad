"""Which distribution an image is made of, by its own account (os-release(5))."""

import re
import shlex
from dataclasses import dataclass
from typing import Self

_ID = re.compile(r"[a-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Name and version as in `os-release`; empty if the image does not say."""

    id: str = ""
    version: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `/etc/os-release`; what is no value of it counts as absent."""
        found = {}
        for line in text.splitlines():
            name, equals, value = line.partition("=")
            if equals and name in {"ID", "VERSION_ID"}:
                found[name] = _value(value)
        return cls(id=found.get("ID", ""), version=found.get("VERSION_ID", ""))

    @property
    def qualifier(self) -> str:
        """The `distro` qualifier of package URLs."""
        return "-".join(part for part in (self.id, self.version) if part)


def _value(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError:
        return ""
    return words[0] if len(words) == 1 and _ID.fullmatch(words[0]) else ""
