"""Where an image is: the transport names of containers-transports(5)."""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from caisson.errors import UsageError
from caisson.oci.registry.name import RegistryName

REGISTRY = "docker"
TRANSPORTS = ("docker-archive", "docker-daemon", "oci", "oci-archive", "rootfs")
_NAME = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?|sha256:[0-9a-f]{64}"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,255}")
_HINT = (
    "write `docker://HOST/NAME:TAG`, one of "
    + ", ".join(f"`{name}:…`" for name in TRANSPORTS)
    + ", or the name of an image in Docker"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A transport, a path or name, and what it is called there.

    `docker://HOST/NAME[:TAG][@DIGEST]` (a registry), `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`,
    `docker-archive:FILE[:NAME:TAG]`, `docker-daemon:NAME[:TAG]`, `rootfs:PATH`. `location` is the path, or for a
    registry and the Docker engine the name with its tag; `tag` may be empty.
    """

    transport: str
    location: str
    tag: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference; a bare name is an image in the Docker engine.

        Raises:
            UsageError: an unknown transport, no location, or a name that Docker or registries do not allow.
        """
        transport, colon, rest = text.partition(":")
        if transport == REGISTRY and rest.startswith("//"):
            return cls(transport=transport, location=str(RegistryName.parse(rest.removeprefix("//"))))
        if text.startswith(("/", ".")):
            raise UsageError(f"`{text}` is no reference to an image", hint=file_meant(text) or _HINT)
        if not colon or transport not in TRANSPORTS:
            transport, rest = "docker-daemon", text
        if not rest:
            raise UsageError(f"`{text}` names no place", hint=_HINT)
        if transport == "docker-daemon":
            return cls(transport=transport, location=_with_tag(rest))
        if transport == "rootfs":
            return cls(transport=transport, location=rest)
        location, _, tag = rest.partition(":")
        if tag and transport == "docker-archive":
            tag = _with_tag(tag)
        if not location or (tag and _TAG.fullmatch(tag) is None):
            raise UsageError(f"`{text}` is no reference to an image", hint=_HINT)
        return cls(transport=transport, location=location, tag=tag)

    def __str__(self) -> str:
        if self.transport == REGISTRY:
            return f"docker://{self.location}"
        return f"{self.transport}:{self.location}" + (f":{self.tag}" if self.tag else "")


def familiar(name: str) -> str:
    """Give a name as Docker shows it: without the registry and the directory that it takes for granted."""
    return name.removeprefix("docker.io/").removeprefix("library/")


def file_meant(path: str) -> str | None:
    """Say how an image in a file or a directory is named, if there is one of that name."""
    with contextlib.suppress(OSError):  # a name that no file can have
        if Path(path).is_dir():
            return f"for the image in this directory write `oci:{path}`, or `rootfs:{path}` for a plain file system"
        if Path(path).is_file():
            return f"for the image in this file write `docker-archive:{path}` or `oci-archive:{path}`"
    return None


def _with_tag(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"`{name}` is no name of an image", hint=_HINT)
    if name.startswith("sha256:") or "@" in name or ":" in name.rpartition("/")[2]:
        return name
    return f"{name}:latest"
