"""Who gives a container its evidence, and what the container needs to reach them."""

import re
from dataclasses import dataclass

from caisson.addresses import authority
from caisson.deploy.image import ImagePin
from caisson.deploy.path import is_mountable
from caisson.errors import UsageError

AESMD_DIRECTORY = "/var/run/aesmd"

_MAX_PORT = 0xFFFF
_HOST = re.compile(r"[A-Za-z0-9.:_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSocket:
    """The software platform's Unix socket on the host, an absolute path. It protects nothing."""

    path: str

    def __post_init__(self) -> None:
        require_host_path(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAddress:
    """The software platform's TCP address, as the container reaches it. It protects nothing."""

    host: str
    port: int

    def __post_init__(self) -> None:
        if _HOST.fullmatch(self.host) is None or not 0 < self.port <= _MAX_PORT:
            raise UsageError(f"`{self}` is no address of a software platform")

    def __str__(self) -> str:
        return authority(self.host, self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAesmd:
    """Intel's aesmd as a service of the host.

    `directory` holds its socket; the directory is mounted, since aesmd makes the socket anew when it restarts.
    """

    directory: str = AESMD_DIRECTORY

    def __post_init__(self) -> None:
        require_host_path(self.directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarAesmd:
    """Intel's aesmd in a container beside the program: the only one that gets `/dev/sgx_provision`.

    `pccs_url` is where it finds certificates of the platform (Intel DCAP, `sgx_default_qcnl.conf`); with `pccs_image`
    it is a PCCS that runs beside it.
    """

    image: ImagePin
    pccs_url: str | None = None
    pccs_image: ImagePin | None = None

    def __post_init__(self) -> None:
        if (self.pccs_url is None) == (self.pccs_image is None):
            raise UsageError(
                "an aesmd of its own must know one place where certificates are",
                hint="name a PCCS that runs (`--pccs-url`), or one to be started (`--pccs-image`)",
            )

    @property
    def certificates_url(self) -> str:
        """Where it asks for certificates; the name of a PCCS of its own is that of the service."""
        return self.pccs_url or "https://pccs:8081/sgx/certification/v4/"


Evidence = PlatformSocket | PlatformAddress | HostAesmd | SidecarAesmd


def require_host_path(path: str) -> None:
    """Refuse what cannot be written as a path of the host on every platform.

    Raises:
        UsageError: it is relative, or holds a comma, a colon, a quote or a control character.
    """
    if not is_mountable(path):
        relative = bool(path) and not path.startswith("/")
        raise UsageError(
            f"`{path}` is no path that can be mounted",
            hint="write the whole path, from `/` on, as each host has it"
            if relative
            else "name an absolute path without commas, colons and quotes",
        )
