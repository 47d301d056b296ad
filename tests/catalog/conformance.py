"""What an entry of the catalog promises, as its folder says it in `conformance.toml`: steps for its own clients.

A step is a command with `{host}`, `{port}` (the first one), `{port:N}`, `{ca}`, `{address}`, `{secret}` (the first one)
and `{secret:NAME}` filled in, in its words, its environment and its standard input. It must end with `status` (0), and
what it prints must match `output`. `like = "NAME"` promises what another entry does.
"""

import re
import subprocess
import time
import tomllib
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_PLACEHOLDER = re.compile(r"\{(host|port|ca|address|port:\d+|secret|secret:[a-z0-9.-]+)\}")
_STEP = 0.2


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Table):
    """One command. `patience` are the seconds for which it may be tried again until it fits."""

    name: str
    command: Annotated[tuple[str, ...], Field(min_length=1)]
    environment: dict[str, str] = {}
    stdin: str = ""
    status: int | Literal["any"] = 0
    output: str = ""
    absent: str | None = None
    patience: int = 0
    timeout: int = 60

    def fault(self, values):
        """Carry the step out; say what was wrong, or give None."""
        deadline = time.monotonic() + self.patience
        while True:
            fault = self._try(values)
            if fault is None or time.monotonic() >= deadline:
                return fault
            time.sleep(_STEP)

    def _try(self, values):
        def fill(text):
            return _PLACEHOLDER.sub(lambda found: values(found[1]), text)

        done = subprocess.run(
            [fill(word) for word in self.command],
            input=fill(self.stdin),
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"}
            | {name: fill(value) for name, value in self.environment.items()},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=self.timeout,
            check=False,
        )
        said = f"{self.name}: ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        printed = done.stdout + done.stderr
        if self.status not in ("any", done.returncode):
            return said
        if re.search(self.output, printed, re.MULTILINE) is None:
            return f"{said}\nexpected output like {self.output!r}"
        if self.absent is not None and re.search(self.absent, printed, re.MULTILINE) is not None:
            return f"{said}\nexpected no output like {self.absent!r}"
        return None


class Conformance(_Table):
    """`start` runs once the entry is up, `restart` after it was stopped and started again with the same volumes."""

    version: Literal[1]
    packages: tuple[str, ...]
    stop_status: int = 0
    start: Annotated[tuple[Step, ...], Field(min_length=1)]
    restart: tuple[Step, ...] = ()


def conformance(name):
    """Read an entry's promises."""
    table = tomllib.loads(files("caisson.catalog").joinpath(name, "conformance.toml").read_text())
    if "like" in table:
        other = conformance(table.pop("like"))
        return other.model_copy(update=table)
    return Conformance.model_validate(table)
