"""What a deployment must know of a confidential image."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, cast, get_args

from caisson.deploy.path import is_mountable
from caisson.enclave import Manifest
from caisson.errors import UsageError
from caisson.oci import Digest, RunConfig
from caisson.protocol import ServerKeyHash

Runtime = Literal["native", "gramine"]

_UNITS = {"K": 10, "M": 20, "G": 30}
_NANOSECONDS = 1_000_000_000
_TIMES = ("Interval", "Timeout", "StartPeriod")
_PORT = re.compile(r"([0-9]{1,5})/tcp")
_MOST_PORT = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePin:
    """One image and no other: by its manifest's digest in a repository, or by the ID that engines give it.

    Without a repository, only engines that already hold the image can start it.
    """

    digest: Digest
    repository: str | None = None

    def __str__(self) -> str:
        return str(self.digest) if self.repository is None else f"{self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """How an engine finds out whether the program still answers: a command beside it. Times are in seconds."""

    command: tuple[str, ...]
    interval: int
    timeout: int
    start_period: int
    retries: int

    @classmethod
    def of(cls, value: Mapping[str, Any] | None) -> Self | None:
        """Read a configuration's `Healthcheck`; None if there is none, or none that is a command without a shell.

        Raises:
            UsageError: its times are no numbers.
        """
        test = (value or {}).get("Test")
        if value is None or not isinstance(test, list) or test[:1] != ["CMD"]:
            return None
        numbers = {name: value.get(name) or 0 for name in (*_TIMES, "Retries")}
        if not all(type(number) is int and number >= 0 for number in numbers.values()):
            raise UsageError("the image's check of its health has a time that is none")
        interval, timeout, start_period = (numbers[name] // _NANOSECONDS for name in _TIMES)
        return cls(
            command=tuple(map(str, test[1:])),
            interval=interval or 30,  # Docker's own defaults
            timeout=timeout or 30,
            start_period=start_period,
            retries=numbers["Retries"] or 3,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredImage:
    """A confidential image as its measured manifest and its configuration describe it.

    `ports` are TCP. `enclave_size` is in bytes, or None where the manifest was not read. `key_server_pin` is the only
    key server that the image deals with.

    Raises:
        UsageError: a path that some platform's notation of mounts would read as more than a path.
    """

    pin: ImagePin
    workload: str
    runtime: Runtime
    uid: int
    gid: int
    tmpfs: tuple[str, ...]
    volumes: tuple[str, ...]
    ports: tuple[int, ...]
    enclave_size: int | None = None
    health: HealthCheck | None = None
    key_server_pin: ServerKeyHash | None = None

    def __post_init__(self) -> None:
        # Whoever made the image chose them, and they become parts of command lines and files.
        for path in (*self.tmpfs, *self.volumes):
            if not is_mountable(path):
                raise UsageError(f"the image wants something mounted at `{path[:200]}`, which is no path for a mount")

    @classmethod
    def of(cls, pin: ImagePin, manifest: Manifest, run: RunConfig) -> Self:
        """Describe an image whose manifest and configuration were verified.

        Raises:
            UsageError: it is for a runtime that no deployment knows.
        """
        measured = {item.name: item.value for item in manifest.loader.env if item.value is not None}
        hash_ = measured.get("CAISSON_KEY_SERVER_PIN")
        environment = dict(item.partition("=")[::2] for item in run.env)
        return cls(
            pin=pin,
            workload=environment.get("CAISSON_WORKLOAD", ""),
            runtime=_runtime(measured.get("CAISSON_RUNTIME")),
            uid=manifest.loader.uid,
            gid=manifest.loader.gid,
            tmpfs=tuple(mount.path for mount in manifest.fs.mounts if str(mount.type) == "tmpfs"),
            volumes=tuple(sorted(run.volumes)),
            ports=_ports(run.exposed_ports),
            enclave_size=_bytes(manifest.sgx.enclave_size),
            health=HealthCheck.of(run.healthcheck),
            key_server_pin=None if hash_ is None else ServerKeyHash.from_hex(hash_),
        )

    @classmethod
    def described(cls, pin: ImagePin, config: Mapping[str, Any], *, tmpfs_label: str, premain: str) -> Self:
        """Describe an image by its configuration alone, in Docker's spelling: a hint that premain checks again.

        Raises:
            UsageError: it does not say that it is a confidential image.
        """
        labels = config.get("Labels") or {}
        if tmpfs_label not in labels:
            raise UsageError("it is not a confidential image", hint="make one of it with `caisson build`, and run that")
        uid, gid = _owner(config.get("User") or "0:0")
        environment = dict(item.partition("=")[::2] for item in config.get("Env") or ())
        return cls(
            pin=pin,
            workload=environment.get("CAISSON_WORKLOAD", ""),
            runtime="native" if config.get("Entrypoint") == [premain] else "gramine",
            uid=uid,
            gid=gid,
            tmpfs=tuple(path for path in labels[tmpfs_label].split(",") if path),
            volumes=tuple(sorted(config.get("Volumes") or ())),
            ports=_ports(config.get("ExposedPorts") or ()),
            health=HealthCheck.of(config.get("Healthcheck")),
        )


def _owner(text: str) -> tuple[int, int]:
    user, _, group = text.partition(":")
    try:
        return int(user), int(group or 0)
    except ValueError:
        raise UsageError(f"the image's user `{text}` is not numeric", hint="build it with `caisson build`") from None


def _ports(exposed: Iterable[str]) -> tuple[int, ...]:
    ports = set[int]()
    for text in exposed:
        if text.endswith("/tcp"):
            found = _PORT.fullmatch(text)
            if found is None or not 0 < int(found[1]) <= _MOST_PORT:
                raise UsageError(f"the image exposes `{text[:80]}`, which is no port")
            ports.add(int(found[1]))
    return tuple(sorted(ports))


def _runtime(text: str | None) -> Runtime:
    for known in get_args(Runtime):
        if text == known:
            return cast(Runtime, known)
    raise UsageError(f"the image is for the runtime `{text}`, which cannot be deployed")


def _bytes(size: str) -> int:
    """Read Gramine's way to write a size: digits, and K, M or G."""
    return int(size[:-1]) << _UNITS[size[-1]] if size[-1] in _UNITS else int(size, 0)
