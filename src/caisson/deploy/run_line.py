"""A deployment as command lines of `docker run` or `podman run`."""

import json
import shlex
from collections.abc import Iterator
from typing import Literal

from caisson.addresses import bracketed
from caisson.deploy.application import application
from caisson.deploy.container import Container, Mount
from caisson.deploy.deployment import Deployment, Publish
from caisson.deploy.evidence import SidecarAesmd
from caisson.deploy.files import File
from caisson.deploy.image import HealthCheck
from caisson.deploy.published import LOOPBACK, require_free_ports
from caisson.errors import UsageError

EngineName = Literal["docker", "podman"]

# Podman 4 takes no `uid` and `gid`; it gives a tmpfs to the container's user when told `U`.
_OWNED = {"docker": None, "podman": "mode=0700,U,noexec,nosuid,nodev"}


def run_script(deployment: Deployment, *, engine: EngineName = "docker") -> tuple[File, ...]:
    """Give one script, `run.sh`, that starts every replica.

    Raises:
        UsageError: what command lines cannot do: an aesmd beside the program, several networks, or one
            host port for several containers.
    """
    if isinstance(deployment.evidence, SidecarAesmd):
        raise UsageError(
            "command lines start no aesmd beside the program",
            hint="run aesmd on the host, or write files with `caisson deploy compose`",
        )
    if len(deployment.networks) > 1:
        raise UsageError("a command line joins one network", hint="write files with `caisson deploy compose`")
    require_free_ports(deployment)
    lines = ["#!/bin/sh", "# Made by `caisson deploy run`.", "set -eu"]
    lines += [run_line(application(deployment, name=name), engine) for name in deployment.replica_names()]
    return (File(name="run.sh", text="\n".join(lines) + "\n", executable=True),)


def run_line(container: Container, engine: EngineName) -> str:
    """Give the whole command, one option on a line; safe to paste into a shell."""
    words = [*_options(container, engine), shlex.quote(container.image)]
    return f"{engine} run --detach \\\n  " + " \\\n  ".join(words)


def _options(container: Container, engine: EngineName) -> Iterator[str]:
    yield from (
        f"--name {container.name}",
        f"--user {container.uid}:{container.gid}",
        "--read-only",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--ulimit core=0:0",
        f"--restart {container.restart}",
    )
    yield from _devices(container, engine)
    lists = {
        "--tmpfs": (f"{path}:{_OWNED[engine] or container.tmpfs_options}" for path in container.tmpfs),
        "--mount": map(_mount, container.mounts),
        "--publish": map(_publish, container.publish),
        "--network": container.networks,
        "--env": map("=".join, container.environment),
        "--label": map("=".join, container.labels),
    }
    for option, values in lists.items():
        yield from (f"{option} {shlex.quote(value)}" for value in values)
    if container.resources.memory is not None:
        yield f"--memory {container.resources.memory}b"
    if container.resources.cpus is not None:
        yield f"--cpus {container.resources.cpus:g}"
    if engine == "podman" and container.health is not None:  # Docker has it from the image; OCI images cannot hold it
        yield from _health(container.health)


def _devices(container: Container, engine: EngineName) -> Iterator[str]:
    for device in container.devices:
        yield f"--device {shlex.quote(device.option)}"
        if engine == "podman":  # whose `/dev` is `noexec`: nothing on it can be mapped as code, as an enclave is
            yield f"--volume {shlex.quote(f'{device.source}:{device.target}:dev,exec')}"
        if container.device_group is None:  # the host knows it when the line is run
            yield f'--group-add "$(stat -L -c %g {shlex.quote(device.source)})"'
        else:
            yield f"--group-add {container.device_group}"


def _health(health: HealthCheck) -> Iterator[str]:
    yield f"--health-cmd {shlex.quote(json.dumps(['CMD', *health.command]))}"
    yield f"--health-interval {health.interval}s"
    yield f"--health-timeout {health.timeout}s"
    yield f"--health-start-period {health.start_period}s"
    yield f"--health-retries {health.retries}"


def _mount(mount: Mount) -> str:
    return f"type={mount.kind},source={mount.source},target={mount.target}" + ",readonly" * mount.read_only


def _publish(port: Publish) -> str:
    return f"{bracketed(port.host_address or LOOPBACK)}:{port.host_port or ''}:{port.container_port}"
