"""A container as all platforms understand it: what a deployment comes down to, before a platform's own words."""

from dataclasses import dataclass, field

from caisson.deploy.deployment import Publish, Resources, Restart
from caisson.deploy.image import HealthCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A host path (absolute) or a named volume, mounted at an absolute path of the container."""

    source: str
    target: str
    read_only: bool = False

    @property
    def kind(self) -> str:
        """Give it as platforms call it: `bind` or `volume`."""
        return "bind" if self.source.startswith("/") else "volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device of the host, readable and writable at a path of the container.

    `cdi` is its name, where the engine knows it by a specification.
    """

    source: str
    target: str
    cdi: str | None = None

    @property
    def option(self) -> str:
        """Give it as engines take it on their command lines, and in Compose's files."""
        return self.cdi or f"{self.source}:{self.target}:rw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container, locked down on every platform: read-only root, no capabilities, no new privileges, no core dumps.

    `tmpfs` are paths, each private to the user. `device_group` is the numeric group that may open the devices; None
    means that it must be asked for where the files are used. `memory` is in bytes.

    `direct` is a command in place of the image's, which starts the program under `gramine-direct`: without the engine's
    filter of system calls, because that refuses the `personality(ADDR_NO_RANDOMIZE)` with which it begins.
    """

    name: str
    image: str
    uid: int
    gid: int
    environment: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    tmpfs: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    device_group: int | None = None
    publish: tuple[Publish, ...] = ()
    networks: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    resources: Resources = field(default_factory=Resources)
    health: HealthCheck | None = None
    restart: Restart = "no"
    direct: tuple[str, ...] = ()

    @property
    def tmpfs_options(self) -> str:
        """Give the mount options of each tmpfs."""
        return f"mode=0700,uid={self.uid},gid={self.gid},noexec,nosuid,nodev"
