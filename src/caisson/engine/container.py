"""What to run and how: a container's description, and the Docker API's words for it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A host path or a named volume, mounted at an absolute path of the container."""

    source: str
    target: str
    read_only: bool = False

    def __str__(self) -> str:
        return f"{self.source}:{self.target}" + (":ro" if self.read_only else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """A TCP port of the container, offered on the host; host port 0 lets the engine choose."""

    container_port: int
    host_port: int = 0
    host_address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One container, locked down: read-only root, no capabilities, no new privileges.

    `tmpfs` are paths; each is private to `owner` (numeric user and group).
    `extra_hosts` are names for /etc/hosts, by address.
    """

    image: str
    name: str
    environment: dict[str, str] = field(default_factory=dict)
    binds: tuple[Bind, ...] = ()
    tmpfs: tuple[str, ...] = ()
    owner: tuple[int, int] = (0, 0)
    publish: tuple[Publish, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    read_only: bool = True

    def create_request(self) -> dict[str, Any]:
        """Give the body of `POST /containers/create` (Docker Engine API 1.41)."""
        uid, gid = self.owner
        ports = {f"{port.container_port}/tcp": port for port in self.publish}
        return {
            "Image": self.image,
            "Env": [f"{name}={value}" for name, value in sorted(self.environment.items())],
            "Labels": self.labels,
            "ExposedPorts": {name: {} for name in ports},
            "HostConfig": {
                "Binds": [str(bind) for bind in self.binds],
                "Tmpfs": dict.fromkeys(self.tmpfs, f"mode=0700,uid={uid},gid={gid},noexec,nosuid,nodev"),
                "PortBindings": {
                    name: [{"HostIp": port.host_address, "HostPort": str(port.host_port)}]
                    for name, port in ports.items()
                },
                "ReadonlyRootfs": self.read_only,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """What the engine says of a container: `status` is Docker's word, `exit_code` counts only when it has exited."""

    container_id: str
    status: str
    pid: int
    exit_code: int
    ports: dict[int, int]

    @property
    def running(self) -> bool:
        """Whether its first process is alive."""
        return self.status == "running"
