"""What happened to confidential containers, told by their engine and by a key server, in one order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self

from caisson.engine import EngineEvent
from caisson.keyserver import AuditRecord
from caisson.lifecycle.activation import REFUSED, RELEASED

_SECOND = 1_000_000_000
_START = "start"
# Docker's words, and Podman's where they differ. What engines say of health probes and of being looked at is left out.
_TOLD = frozenset(
    ("create", _START, "restart", "die", "died", "kill", "oom", "stop", "pause", "unpause", "destroy", "remove")
) | {"health_status", "rename"}
_RECORDED = frozenset({RELEASED, REFUSED, "workload-set", "workload-removed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened to a container, or at the key server for a workload: what it is `about`.

    `time` is in nanoseconds since 1970, by the source's clock.
    """

    time: int
    source: Literal["engine", "key-server"]
    what: str
    about: str
    details: dict[str, Any]

    @classmethod
    def of_engine(cls, event: EngineEvent) -> Self | None:
        """Take an engine's event; None if it is not worth telling."""
        if event.action.partition(":")[0] not in _TOLD:
            return None
        details = {"id": event.container_id, "image": event.image, "exit_code": event.exit_code}
        return cls(time=event.time, source="engine", what=event.action, about=event.name, details=details)

    @classmethod
    def of_record(cls, record: AuditRecord, *, time: int | None = None) -> Self | None:
        """Take a record of a log whose chain was checked; None if it is about something else."""
        if record.kind not in _RECORDED:
            return None
        return cls(
            time=record.time * _SECOND if time is None else time,
            source="key-server",
            what=record.kind,
            about=str(record.details.get("workload", "")),
            details={"sequence": record.sequence, **record.details},
        )

    @property
    def moment(self) -> datetime:
        """When, to the microsecond."""
        return datetime.fromtimestamp(self.time // _SECOND, UTC).replace(microsecond=self.time % _SECOND // 1000)


def in_order(events: Iterable[EngineEvent], records: Iterable[AuditRecord]) -> tuple[Happening, ...]:
    """Give all of it by time.

    A log counts in whole seconds: where containers were started within that second, its record comes after the last of
    these, since nothing is activated that was not started.
    """
    told = [happening for event in events if (happening := Happening.of_engine(event)) is not None]
    starts: dict[int, int] = {}
    for happening in told:
        if happening.what == _START:
            second = happening.time // _SECOND
            starts[second] = max(starts.get(second, 0), happening.time)
    recorded = [Happening.of_record(record, time=starts.get(record.time)) for record in records]
    # The sort keeps the order of equals: the engine's first.
    return tuple(sorted((*told, *(one for one in recorded if one is not None)), key=lambda one: one.time))
