"""What a recipe says about the program: how it starts, what is measured, how to see that it answers."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from caisson.conversion.recipe_values import AbsolutePath, Table, Variable, matching

_DANGEROUS = re.compile(r"LD_.*|PATH|PYTHON.*|NODE_OPTIONS|JAVA_TOOL_OPTIONS|GLIBC_TUNABLES|CAISSON_.*")
_PROBE = re.compile(r"(tcp|tls):\d{1,5}|https:\d{1,5}/[!-~]*")


def _harmless(name: str) -> str:
    if _DANGEROUS.fullmatch(name):
        raise ValueError("would let the host decide what the program loads; give it a measured value instead")
    return name


def _not_ours(name: str) -> str:
    if name.startswith("CAISSON_"):
        raise ValueError("is reserved: names that begin with `CAISSON_` are for the guest agent")
    return name


class Application(Table):
    """What to run. What is left out comes from the image.

    With `tls_in_one_file` the certificate's file holds its key, too, as some programs want it.
    """

    command: tuple[str, ...] | None = None
    working_dir: AbsolutePath | None = None
    user: str | None = None
    environment: dict[Annotated[Variable, AfterValidator(_not_ours)], str] = Field(default_factory=dict)
    drop: tuple[str, ...] = ()
    passthrough: tuple[Annotated[Variable, AfterValidator(_harmless)], ...] = ()
    tls_in_one_file: bool = False


class Healthcheck(Table):
    """How an engine finds out whether the program still answers. Times are in seconds.

    Either `command` or `probe`, which is `tcp:PORT`, `tls:PORT` or `https:PORT/PATH` and needs no client in the image.
    Both run outside the enclave and see what the host sees: they must do without secrets. With `ends_with_certificate`
    the probe fails in the last part of the certificate's life, too.
    """

    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    probe: Annotated[str, matching(_PROBE, "`tcp:PORT`, `tls:PORT` or `https:PORT/PATH`")] | None = None
    ends_with_certificate: bool = False
    interval: Annotated[int, Field(ge=1, le=3600)] = 10
    timeout: Annotated[int, Field(ge=1, le=3600)] = 5
    start_period: Annotated[int, Field(ge=1, le=3600)] = 30
    retries: Annotated[int, Field(ge=1, le=100)] = 3

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.command is None) == (self.probe is None):
            raise ValueError("needs one of `command` and `probe`")
        if self.ends_with_certificate and not (self.probe or "").startswith(("tls:", "https:")):
            raise ValueError("has `ends_with_certificate` without a probe of `tls:PORT` or `https:PORT/PATH`")
        return self


class AllowedFile(Table):
    """A file of the host that the program may open although nobody checks it, and why that does no harm."""

    path: AbsolutePath
    reason: Annotated[str, Field(min_length=10)]


class Files(Table):
    """What is measured besides the program, its interpreter and its libraries; a directory means all below it.

    `modules` are patterns of shared objects that the program loads when it runs: each is measured with its libraries.
    """

    trusted: tuple[AbsolutePath, ...] = ()
    modules: tuple[AbsolutePath, ...] = ()
    allowed: tuple[AllowedFile, ...] = ()
