"""What an engine says of a container."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

_HERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what the engine says, nothing is bound
_NEVER = 1  # engines write the year 1 for what has not happened


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where this machine reaches a published port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A container in an engine's list, the volumes that it mounts, anonymous ones too, and the networks it is on."""

    name: str
    container_id: str
    labels: dict[str, str]
    volumes: tuple[str, ...]
    networks: frozenset[str]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Read an element of `GET /containers/json`."""
        return cls(
            name=found["Names"][0].removeprefix("/"),
            container_id=found["Id"],
            labels=dict(found["Labels"] or {}),
            volumes=tuple(mount["Name"] for mount in found["Mounts"] or () if mount["Type"] == "volume"),
            networks=frozenset((found.get("NetworkSettings") or {}).get("Networks") or ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """What the engine says of a container: `status` is Docker's word, `exit_code` counts only when it has exited.

    `ports` says where its TCP ports are offered; it is empty unless the container runs. `image` is what it was called
    when the container was made. `started` and `ended` are of its last run.
    """

    container_id: str
    name: str
    image: str
    image_id: str
    labels: dict[str, str]
    environment: dict[str, str]
    entrypoint: tuple[str, ...]
    status: str
    health: str | None
    pid: int
    exit_code: int
    started: datetime | None
    ended: datetime | None
    restarts: int
    terminal: bool
    ports: dict[int, Endpoint]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Read an answer of `GET /containers/NAME/json`."""
        config, state = found["Config"], found["State"]
        return cls(
            container_id=str(found["Id"]),
            name=found.get("Name", "").removeprefix("/"),
            image=str(config.get("Image", "")),
            image_id=str(found["Image"]),
            labels=dict(config["Labels"] or {}),
            environment=dict(item.partition("=")[::2] for item in config.get("Env") or ()),
            entrypoint=_words(config.get("Entrypoint")),
            status=str(state["Status"]),
            health=str((state.get("Health") or {}).get("Status") or "") or None,
            pid=int(state["Pid"]),
            exit_code=int(state["ExitCode"]),
            started=_moment(state.get("StartedAt")),
            ended=None if state["Status"] == "running" else _moment(state.get("FinishedAt")),
            restarts=int(found.get("RestartCount", 0)),
            terminal=bool(config.get("Tty")),
            ports=_ports(found["NetworkSettings"]["Ports"] or {}),
        )

    @property
    def running(self) -> bool:
        """Whether its first process is alive."""
        return self.status == "running"


def _words(value: Any) -> tuple[str, ...]:
    """Read a command; Podman before 5 writes it as one text."""
    return tuple(value.split()) if isinstance(value, str) else tuple(map(str, value or ()))


def _moment(text: str | None) -> datetime | None:
    found = datetime.fromisoformat(text) if text else None
    return None if found is None or found.year == _NEVER else found.astimezone(UTC)


def _ports(bindings: Mapping[str, Any]) -> dict[int, Endpoint]:
    return {
        int(name.partition("/")[0]): Endpoint(
            host=_HERE.get(bound[0]["HostIp"], bound[0]["HostIp"]), port=int(bound[0]["HostPort"])
        )
        for name, bound in bindings.items()
        if bound and name.endswith("/tcp")
    }
