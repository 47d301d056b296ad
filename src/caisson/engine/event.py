"""What happened to containers, as the engine tells it (`GET /events`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

_END = 1 << 63  # in the year 2262


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEvent:
    """One event of a container; `time` in nanoseconds since 1970, by the engine's clock, `action` in Docker's words."""

    time: int
    action: str
    container_id: str
    name: str
    image: str
    exit_code: int | None

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Read a line of the answer."""
        about = found["Actor"]["Attributes"]
        # Podman has its own name for it.
        code = about.get("exitCode", about.get("containerExitCode"))
        time = int(found["timeNano"])
        if not 0 <= time < _END:
            raise ValueError("no time that an engine's clock can show")
        return cls(
            time=time,
            action=str(found["Action"]),
            container_id=str(found["Actor"]["ID"]),
            name=str(about.get("name", "")),
            image=str(about.get("image", "")),
            exit_code=None if code is None else int(code),
        )
