"""Where a recipe says that the plain image comes from."""

import re
from typing import Annotated, Self

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from caisson.conversion.recipe_program import Application, Files, Healthcheck
from caisson.conversion.recipe_values import NEIGHBOUR, Table, matching, neighbour

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+")
_IMAGE = re.compile(
    r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
_SUITE = re.compile(r"[a-z][a-z-]*")

Package = Annotated[str, matching(_PACKAGE, "a name for a package")]


class DebianSource(Table):
    """A root file system out of Debian's packages, unpacked and not configured: no maintainer script runs."""

    suite: Annotated[str, matching(_SUITE, "a name for a Debian suite")]
    packages: Annotated[tuple[Package, ...], Field(min_length=1)]


class BuildStage(Table):
    """How the program is built from source, out of Debian's packages of the same suite, which stay out of the image.

    `files` lie beside the recipe. Commands find them in `/src`; what they put below `/out` is added to the image.
    """

    model_config = ConfigDict(
        json_schema_extra=lambda schema: schema["properties"].update(
            files={"type": "array", "items": {"type": "string", "pattern": NEIGHBOUR.pattern}}
        )
    )

    packages: Annotated[tuple[Package, ...], Field(min_length=1)]
    files: dict[str, str] = Field(default_factory=dict)
    commands: Annotated[tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], Field(min_length=1)]

    @field_validator("files", mode="before")
    @classmethod
    def _from_neighbours(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, list):
            raise ValueError("is not a list of names of files beside the recipe")  # noqa: TRY004 - pydantic's protocol
        return {name: neighbour(name, info.context) for name in value}


class Upstream(Table):
    """The image that the program's own authors publish, and what is different in it.

    Each key of `application` and `files` takes the place of the recipe's own, `healthcheck` as a whole.
    """

    reference: Annotated[str, matching(_IMAGE, "an image in a registry, such as `docker.io/library/redis:7.2`")]
    application: Application | None = None
    files: Files | None = None
    healthcheck: Healthcheck | None = None


class Source(Table):
    """How the plain image is had: out of Debian's packages, as the upstream image, or either.

    With `installation`, the Caisson that follows the recipe is added to the packages.
    """

    debian: DebianSource | None = None
    image: Upstream | None = None
    build: BuildStage | None = None
    installation: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.debian is None and (self.build is not None or self.installation):
            raise ValueError("has `build` or `installation` without `debian`, whose suite and packages they are for")
        return self
