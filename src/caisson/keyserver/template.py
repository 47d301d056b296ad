"""Text with secrets in it: `{{ secret:NAME }}` or `{{ secret:NAME | FORM }}`, and nothing else between braces.

Without a form a secret that shares the text with anything else must be `plain`: no value that somebody sets can then
change what the rest of the text says. One that is all of it, or stands among others only, is `raw`.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from caisson.errors import Malformed, UsageError
from caisson.keyserver.forms import FORMS, Entropy
from caisson.keyserver.secret import SECRET_NAME, Secret

_PLACEHOLDER = re.compile(
    rf"(?<!\{{)\{{\{{ *secret:(?P<name>{SECRET_NAME.pattern})(?: *\| *(?P<form>{'|'.join(FORMS)}))? *\}}\}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """Where a secret goes, in one of `FORMS`."""

    name: str
    form: str

    def fill(self, secret: Secret, entropy: Entropy) -> bytes:
        """Give what stands there in the end.

        Raises:
            UsageError: the secret has no such form.
        """
        try:
            return FORMS[self.form](secret.reveal(), entropy)
        except UsageError as cause:
            raise UsageError(f"secret `{self.name}` {cause.message}", hint=cause.hint) from None


@dataclass(frozen=True, slots=True)
class Template:
    """A text whose placeholders were all understood: its literal parts and the placeholders between them, in order."""

    parts: tuple[str | Placeholder, ...]

    @classmethod
    def parse(cls, text: str, *, what: str) -> Self:
        """Find the placeholders.

        Raises:
            Malformed: `{{` begins something else than a placeholder.
        """
        parts: list[str | Placeholder] = []
        at = 0
        default = "plain" if _PLACEHOLDER.sub("", text) else "raw"
        for found in _PLACEHOLDER.finditer(text):
            parts += [text[at : found.start()], Placeholder(name=found["name"], form=found["form"] or default)]
            at = found.end()
        parts.append(text[at:])
        if any("{{" in part for part in parts if isinstance(part, str)):
            raise Malformed(
                f"{what} has `{{{{` that begins no placeholder",
                hint=f"a placeholder is `{{{{ secret:NAME }}}}` or `{{{{ secret:NAME | {' or '.join(FORMS)} }}}}`",
            )
        return cls(tuple(parts))

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets it needs."""
        return frozenset(part.name for part in self.parts if isinstance(part, Placeholder))

    def render(self, secret: Callable[[str], Secret], *, entropy: Entropy = os.urandom) -> Secret:
        """Put the secrets in; what comes out is as secret as they are. `entropy` gives random bytes for salts.

        Raises:
            UsageError: a secret does not have the form that is asked for.
        """
        return Secret(
            b"".join(
                part.encode() if isinstance(part, str) else part.fill(secret(part.name), entropy) for part in self.parts
            )
        )
