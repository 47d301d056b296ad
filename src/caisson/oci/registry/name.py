"""Names of images in registries: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]` (OCI distribution-spec; Docker's defaults)."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from caisson.errors import Malformed, UsageError
from caisson.oci.digest import Digest

DOCKER_HUB = "docker.io"
DEFAULT_TAG = "latest"
_HUB_HOSTS = {DOCKER_HUB: "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_MAX_LENGTH = 255
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryName:
    """An image, or a place for one: `tag` is empty where a digest says all."""

    host: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name. Without a host it is Docker Hub's, without tag and digest the tag is `latest`.

        Raises:
            UsageError: not a name that registries allow.
        """
        rest, at, digest_text = text.partition("@")
        try:
            digest = Digest.parse(digest_text) if at else None
        except Malformed as error:
            raise UsageError(f"`{text[:300]}` is no name in a registry: {error.message}") from error
        host, slash, path = rest.partition("/")
        if not slash or not (set(host) & set(".:[") or host == "localhost" or host != host.lower()):
            host, path = DOCKER_HUB, rest
        repository, colon, tag = path.partition(":")
        if host in _HUB_HOSTS and "/" not in repository:
            repository = f"library/{repository}"
        if not colon and digest is None:
            tag = DEFAULT_TAG
        good = (
            _is_host(host)
            and _REPOSITORY.fullmatch(repository) is not None
            and len(repository) <= _MAX_LENGTH
            and (_TAG.fullmatch(tag) is not None or not (tag or colon))
        )
        if not good:
            raise UsageError(
                f"`{text[:300]}` is no name in a registry", hint="write `docker://HOST/REPOSITORY:TAG`, in lower case"
            )
        return cls(host=host, repository=repository, tag=tag, digest=digest)

    @property
    def endpoint(self) -> str:
        """The host that serves the API, with its port if one was given."""
        return _HUB_HOSTS.get(self.host, self.host)

    @property
    def reference(self) -> str:
        """What the API calls the manifest: its digest if that is known, else the tag."""
        return self.tag if self.digest is None else str(self.digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.host}/{self.repository}{tag}" + ("" if self.digest is None else f"@{self.digest}")


def is_loopback(host: str) -> bool:
    """Tell whether a host, with or without a port, is this machine by its name alone."""
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _is_host(host: str) -> bool:
    if _HOST.fullmatch(host) is None or len(host) > _MAX_LENGTH:
        return False
    port = host.rpartition(":")[2]
    if host.endswith("]") or ":" not in host:
        return True
    return 0 < int(port) <= _MAX_PORT
