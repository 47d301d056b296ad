"""The bodies that operators send. Unknown members are refused, and no error repeats a value."""

from typing import Annotated

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from caisson.keyserver.generation import Generation, SecretKind
from caisson.keyserver.secret import Secret


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class SecretBody(_Body):
    """A secret's value, in base64."""

    value: Annotated[Base64Bytes, Field(repr=False)]

    @property
    def secret(self) -> Secret:
        """The value."""
        return Secret(self.value)


class GenerationBody(_Body):
    """How to make a secret, and whether to keep one that is there."""

    kind: Annotated[SecretKind, Field(strict=False)]
    length: int | None = None
    alphabet: str | None = None
    if_absent: bool = False

    @property
    def generation(self) -> Generation:
        """The generation it asks for.

        Raises:
            UsageError: there is no such secret.
        """
        return Generation(kind=self.kind, length=self.length, alphabet=self.alphabet)


class VersionBody(_Body):
    """Which version of a secret; the newest, if none is named."""

    version: Annotated[int, Field(ge=1)] | None = None


class TokenBody(_Body):
    """For whom to make a token."""

    name: str
