"""What an engine says of a container."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where this machine reaches a published port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """What the engine says of a container: `status` is Docker's word, `exit_code` counts only when it has exited.

    `ports` says where its TCP ports are offered; it is empty unless the container runs.
    """

    container_id: str
    image_id: str
    labels: dict[str, str]
    status: str
    pid: int
    exit_code: int
    ports: dict[int, Endpoint]

    @property
    def running(self) -> bool:
        """Whether its first process is alive."""
        return self.status == "running"
