"""One description of a deployment, for every platform."""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from caisson.deploy.evidence import Evidence, HostAesmd, PlatformAddress, PlatformSocket, SidecarAesmd
from caisson.deploy.image import MeasuredImage
from caisson.deploy.volume import RESOURCE_NAME, Volume
from caisson.errors import UsageError
from caisson.protocol import WORKLOAD_NAME, ServerKeyHash

Restart = Literal["no", "on-failure", "unless-stopped"]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,50}[a-z0-9]")  # good for a container, a service, a pod and a DNS label
_MOST_REPLICAS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """A TCP port of the container, offered on the host.

    Host port 0 lets the engine choose. Without an address it is the platform's most private one: loopback where there
    is a choice.
    """

    container_port: int
    host_port: int = 0
    host_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SgxDevices:
    """Where the host has its SGX devices, and the group that may open `enclave`.

    Without a group, files ask for it where they are used, and refuse to do without. With `cdi` the engine knows the
    devices by a specification (see `cdi_specification`).
    """

    enclave: str = "/dev/sgx_enclave"
    provision: str = "/dev/sgx_provision"
    group: int | None = None
    cdi: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Limits: bytes of memory (of what is not in the enclave page cache), and CPUs."""

    memory: int | None = None
    cpus: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A confidential image, and where, how often and with whom it shall run. None of this is trusted by anyone.

    `workload` replaces the one that the image activates as. `key_server_pin` must be the image's own: nothing else
    would check it. Volumes that are not named get a name of their own. `direct` is the command that starts an image for
    Gramine under `gramine-direct`, with a software platform on TCP.

    Raises:
        UsageError: something that no platform could do, or that would silently do nothing.
    """

    image: MeasuredImage
    name: str
    key_server: str
    evidence: Evidence
    workload: str | None = None
    key_server_pin: ServerKeyHash | None = None
    replicas: int = 1
    publish: tuple[Publish, ...] = ()
    volumes: tuple[Volume, ...] = ()
    networks: tuple[str, ...] = ()
    resources: Resources = field(default_factory=Resources)
    devices: SgxDevices = field(default_factory=SgxDevices)
    restart: Restart = "unless-stopped"
    direct: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None or len(self.name) < 2:  # noqa: PLR2004 - Docker takes no shorter name
            raise UsageError(
                f"`{self.name}` is no name for a deployment", hint="write it like `my-redis`, in lower case"
            )
        if self.workload is not None and WORKLOAD_NAME.fullmatch(self.workload) is None:
            raise UsageError(f"`{self.workload}` is no name for a workload")
        if not 1 <= self.replicas <= _MOST_REPLICAS:
            raise UsageError(f"{self.replicas} replicas are not 1 to {_MOST_REPLICAS}")
        self._check_key_server()
        self._check_evidence()
        self._check_volumes()
        for network in self.networks:
            if RESOURCE_NAME.fullmatch(network) is None:
                raise UsageError(f"`{network}` is no name for a network")

    def _check_key_server(self) -> None:
        if not _is_server(self.key_server):
            raise UsageError(
                f"`{self.key_server}` is not the URL of a key server", hint="write it like `https://keys.example:8443`"
            )
        if self.key_server_pin is None or self.key_server_pin == self.image.key_server_pin:
            return
        if self.image.key_server_pin is None:
            raise UsageError(
                "the image has no pin of a key server, so nothing would check one that is given here",
                hint="build the image with `--key-server-pin`",
            )
        raise UsageError(
            f"the image is built for the key server {self.image.key_server_pin}, not for {self.key_server_pin}",
            hint="build it for this one, or name the other one's address",
        )

    def _check_evidence(self) -> None:
        if self.direct and not (self.image.runtime == "gramine" and isinstance(self.evidence, PlatformAddress)):
            raise UsageError(
                "only an image for Gramine starts under `gramine-direct`, with a software platform on TCP",
                hint="build it with `--runtime gramine`, and name the platform's address",
            )
        match self.image.runtime, self.evidence:
            case "native", HostAesmd() | SidecarAesmd():
                raise UsageError(
                    "the image is built for the runtime `native`: only the software platform vouches for it, not aesmd",
                    hint='build it with `runtime = "gramine"` for SGX, or name the software platform',
                )
            case "gramine", PlatformSocket():
                raise UsageError(
                    "inside Gramine a Unix socket of the host is out of reach",
                    hint="offer the software platform on TCP, and name its address",
                )
            case _:
                pass

    def _check_volumes(self) -> None:
        known = self.image.volumes
        for volume in self.volumes:
            if volume.path not in known:
                raise UsageError(
                    f"the image has no volume `{volume.path}`",
                    hint=f"it has: {', '.join(f'`{path}`' for path in known) or 'none'}",
                )
            if RESOURCE_NAME.fullmatch(volume.name) is None:
                raise UsageError(f"`{volume.name}` is no name for a volume")
        if len({volume.path for volume in self.volumes}) != len(self.volumes):
            raise UsageError("two volumes are for the same path", hint="name one volume for each path")
        names = [volume.name for volume in self.volumes_of(self.name)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(f"the volume `{twice[0]}` is for two paths", hint="name one volume for each path")
        if self.replicas > 1 and self.volumes:
            raise UsageError(
                f"{self.replicas} replicas would share the volume `{self.volumes[0].name}`",
                hint="leave it out, and each replica gets a volume of its own",
            )

    @property
    def uses_sgx(self) -> bool:
        """Whether the program needs the device of an SGX machine."""
        return isinstance(self.evidence, HostAesmd | SidecarAesmd)

    @property
    def workload_name(self) -> str:
        """The workload that it activates as."""
        return self.workload or self.image.workload

    def replica_names(self) -> tuple[str, ...]:
        """Give the name of each replica, where a platform wants one for each."""
        return (self.name,) if self.replicas == 1 else tuple(f"{self.name}-{n + 1}" for n in range(self.replicas))

    def volumes_of(self, name: str) -> tuple[Volume, ...]:
        """Give a volume for each path that the image declares; `name` is the replica's, for those without a name."""
        named = {volume.path: volume for volume in self.volumes}
        return tuple(named.get(path) or Volume.unnamed(path, of=name) for path in self.image.volumes)


def _is_server(url: str) -> bool:
    """Tell whether the guest agent would take it: `http` or `https`, a host, and nothing that it ignores."""
    try:
        parts = urlsplit(url)
        extra = parts.username is not None or parts.query or parts.fragment
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not extra
    except ValueError:
        return False
