"""Text with secrets in it: `{{ secret:NAME }}`, and nothing else between braces."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from caisson.errors import Malformed
from caisson.keyserver.secret import SECRET_NAME, Secret

_PLACEHOLDER = re.compile(r"(?<!\{)\{\{ *secret:(" + SECRET_NAME.pattern + r") *\}\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A text whose placeholders were all understood: `parts` alternate between text and a secret's name."""

    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, *, what: str) -> Self:
        """Find the placeholders.

        Raises:
            Malformed: `{{` begins something else than a placeholder.
        """
        parts = tuple(_PLACEHOLDER.split(text))
        if any("{{" in literal for literal in parts[::2]):
            raise Malformed(
                f"{what} has `{{{{` that begins no placeholder", hint="a placeholder is `{{ secret:NAME }}`"
            )
        return cls(parts)

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets it needs."""
        return frozenset(self.parts[1::2])

    def render(self, secret: Callable[[str], Secret]) -> Secret:
        """Put the secrets in; what comes out is as secret as they are."""
        return Secret(
            b"".join(secret(part).reveal() if index % 2 else part.encode() for index, part in enumerate(self.parts))
        )
