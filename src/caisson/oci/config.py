"""The configuration of an image (OCI image-spec, config.md, and Docker's additions)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from caisson.oci import document
from caisson.oci.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """How a container is started: the `config` member. `other` holds members that are carried along unread."""

    user: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    working_dir: str = ""
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    stop_signal: str = ""
    healthcheck: Mapping[str, Any] | None = field(default=None, hash=False)
    other: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, members: document.Members) -> Self:
        """Read the object; everything in it is optional."""
        return cls(
            user=members.text("User"),
            env=members.texts("Env") or (),
            entrypoint=members.texts("Entrypoint"),
            cmd=members.texts("Cmd"),
            working_dir=members.text("WorkingDir"),
            exposed_ports=members.keys("ExposedPorts"),
            volumes=members.keys("Volumes"),
            labels=members.text_map("Labels"),
            stop_signal=members.text("StopSignal"),
            healthcheck=members.optional("Healthcheck", dict),
            other=members.rest(),
        )

    def document(self) -> dict[str, Any]:
        """Give the JSON object, without members that are empty."""
        known: dict[str, Any] = {
            "User": self.user,
            "Env": list(self.env),
            "Entrypoint": None if self.entrypoint is None else list(self.entrypoint),
            "Cmd": None if self.cmd is None else list(self.cmd),
            "WorkingDir": self.working_dir,
            "ExposedPorts": {port: {} for port in self.exposed_ports},
            "Volumes": {volume: {} for volume in self.volumes},
            "Labels": dict(self.labels),
            "StopSignal": self.stop_signal,
            "Healthcheck": self.healthcheck,
        }
        return {**self.other, **{name: value for name, value in known.items() if value}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What an image is for and how it starts. What its layers are is for the layers to say: see `read_diff_ids`."""

    architecture: str = "amd64"
    os: str = "linux"
    run: RunConfig = field(default_factory=RunConfig)
    history: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    other: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a configuration.

        Raises:
            Malformed: not the configuration of an image.
        """
        members = document.decode_object(raw, what="image configuration")
        members.require("rootfs", dict)
        return cls(
            architecture=members.require("architecture", str),
            os=members.require("os", str),
            run=RunConfig.read(document.Members.of(members.optional("config", dict) or {}, what="image configuration")),
            history=tuple(item.rest() for item in members.objects("history")),
            other=members.rest(),
        )

    def encode(self, diff_ids: tuple[Digest, ...]) -> bytes:
        """Give the document, always the same for equal configurations; `diff_ids` are the layers', bottom up."""
        value: dict[str, Any] = {
            **self.other,
            "architecture": self.architecture,
            "os": self.os,
            "config": self.run.document(),
            "rootfs": {"type": "layers", "diff_ids": [str(diff_id) for diff_id in diff_ids]},
        }
        if self.history:
            value["history"] = [dict(entry) for entry in self.history]
        return document.encode(value)


def read_diff_ids(raw: bytes) -> tuple[Digest, ...]:
    """Read, out of a configuration, the digests of the uncompressed layers, bottom up.

    Raises:
        Malformed: not the configuration of an image.
    """
    members = document.decode_object(raw, what="image configuration")
    rootfs = document.Members.of(members.require("rootfs", dict), what="image configuration: rootfs")
    return tuple(Digest.parse(text) for text in rootfs.texts("diff_ids") or ())
