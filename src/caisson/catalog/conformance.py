"""What an entry promises, as its folder says it in `conformance.toml`: steps for the program's own clients.

A step is a command with `{host}`, `{port}` (the first one), `{port:N}`, `{ca}`, `{address}`, `{secret}` (the first one)
and `{secret:NAME}` filled in, in its words, its environment and its standard input, and `{pid}`, the process whose
network `nsenter` enters. It must end with `status` (0), and what it prints must match `output`. `like = "NAME"`
promises what another entry does; keys of `load` take the place of that one's.
"""

import re
import tomllib
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from caisson.conversion import read_model

_AMOUNT = "{amount}"
_PLACEHOLDER = re.compile(r"\{(host|port|pid|ca|address|port:\d+|secret|secret:[a-z0-9.-]+)\}")

Read = Callable[[str], bytes]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Table):
    """One command. `absent` must not match what it prints; `timeout` are the seconds that it may take."""

    name: str
    command: Annotated[tuple[str, ...], Field(min_length=1)]
    environment: dict[str, str] = {}
    stdin: str = ""
    status: int | Literal["any"] = 0
    output: str = ""
    absent: str | None = None
    timeout: Annotated[int, Field(ge=1, le=600)] = 60

    def filled(self, value: Callable[[str], str]) -> Self:
        """Give the step with what `value` says for each placeholder, by its name."""

        def fill(text: str) -> str:
            return _PLACEHOLDER.sub(lambda found: value(found[1]), text)

        return self.model_copy(
            update={
                "command": tuple(map(fill, self.command)),
                "environment": {name: fill(text) for name, text in self.environment.items()},
                "stdin": fill(self.stdin),
            }
        )

    def fault(self, status: int, printed: str) -> str | None:
        """Say how a command's end differs from what it must be, or give nothing."""
        if self.status not in ("any", status):
            return f"ended with {status}, not {self.status}"
        if re.search(self.output, printed, re.MULTILINE) is None:
            return f"printed nothing like `{self.output}`"
        if self.absent is not None and re.search(self.absent, printed, re.MULTILINE) is not None:
            return f"printed something like `{self.absent}`"
        return None


class Load(Step):
    """A step that carries a load of `amount` `unit`s; `rate` finds, in what it prints, how many were carried a second.

    Without a `rate` all the time that the command takes counts. `{amount}` in the command and in `output` is the
    amount, which is for measuring: some seconds of work.
    """

    unit: str
    amount: Annotated[int, Field(ge=1)]
    rate: str | None = None

    @field_validator("command")
    @classmethod
    def _of_an_amount(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if not any(_AMOUNT in word for word in command):
            raise ValueError(f"says nowhere how much to carry: `{_AMOUNT}`")
        return command

    def part(self, *, of: int) -> Self:
        """Give the load with one part of the amount, out of so many."""
        amount = self.amount // of

        def fill(text: str) -> str:
            return text.replace(_AMOUNT, str(amount))

        return self.model_copy(
            update={"amount": amount, "command": tuple(map(fill, self.command)), "output": fill(self.output)}
        )

    def carried(self, printed: str, seconds: float) -> float | None:
        """Give the units a second of a run that took `seconds`, or None where it does not say them."""
        if self.rate is None:
            return self.amount / seconds
        found = re.search(self.rate, printed, re.MULTILINE)
        return None if found is None else float(found[1])


class Conformance(_Table):
    """All promises. `packages` of Debian hold the clients; `stop_status` is how the program ends on SIGTERM.

    `start` is carried out once the entry runs, then `load`; `restart` after it was stopped and started again with what
    it keeps.
    """

    version: Literal[1]
    packages: tuple[str, ...]
    stop_status: int = 0
    start: Annotated[tuple[Step, ...], Field(min_length=1)]
    load: Load
    restart: tuple[Step, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _like_another(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("like"), str):
            return value
        read: Read = cast("Read", info.context)
        base = tomllib.loads(read(value["like"]).decode())
        own = {name: member for name, member in value.items() if name != "like"}
        if isinstance(load := own.get("load"), dict):
            own["load"] = {**base["load"], **load}
        return {**base, **own}

    @classmethod
    def parse(cls, raw: bytes, *, other: Read) -> Self:
        """Read `conformance.toml`; `other` gives that of another entry.

        Raises:
            Malformed: not TOML, or not promises.
        """
        return read_model(cls, raw, what="conformance", context=other)
