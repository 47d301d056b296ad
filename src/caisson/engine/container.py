"""What to run and how: a container's description, and the Docker API's words for it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A host path (absolute) or a named volume, mounted at an absolute path of the container."""

    source: str
    target: str
    read_only: bool = False

    def mount(self) -> dict[str, Any]:
        """Give it as the engine's `Mount`; of a host path that is missing the engine then makes no directory."""
        kind = "bind" if self.source.startswith("/") else "volume"
        return {"Type": kind, "Source": self.source, "Target": self.target, "ReadOnly": self.read_only}


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
        ports: dict[str, list[dict[str, str]]] = {}
        for port in self.publish:
            binding = {"HostIp": port.host_address, "HostPort": str(port.host_port)}
            ports.setdefault(f"{port.container_port}/tcp", []).append(binding)
        return {
            "Image": self.image,
            "Env": [f"{name}={value}" for name, value in sorted(self.environment.items())],
            "Labels": self.labels,
            "ExposedPorts": {name: {} for name in ports},
            "HostConfig": {
                "Mounts": [bind.mount() for bind in self.binds],
                "Tmpfs": dict.fromkeys(self.tmpfs, f"mode=0700,uid={uid},gid={gid},noexec,nosuid,nodev"),
                "PortBindings": ports,
                "ReadonlyRootfs": self.read_only,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
            },
        }


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
