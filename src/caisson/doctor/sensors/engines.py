"""Docker, Podman, the Swarm, and a container that looks for itself."""

import io
import json
import os
import secrets
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from caisson.conversion import look
from caisson.deploy import Container, create_request
from caisson.deploy import Device as DeviceMount
from caisson.doctor.engine_answers import parse_docker, parse_podman, parse_swarm
from caisson.doctor.readings import Docker, Podman, Sight, Swarm, Unread
from caisson.doctor.sensors.command import run
from caisson.doctor.sensors.look import parse_sight
from caisson.engine import DEFAULT_HOST
from caisson.engine import Docker as Engine
from caisson.errors import CaissonError, Unavailable

_INSIDE = "/dev/sgx_enclave"
_USER = 1000
_CONFIGURATION = Path("/etc/docker/daemon.json")
_PATIENCE = 30


def read_docker(engine: Engine) -> Docker | Unread:
    """Ask an engine about itself; of one on this machine, see whether its default runtime is there."""
    address = urlsplit(engine.host)
    local = address.scheme == "unix" or address.hostname in ("127.0.0.1", "localhost", "::1")
    try:
        found = parse_docker(engine.call("GET", "/info"), local=local)
    except CaissonError as error:
        return Unread(unread=error.message)
    if not local:
        return found
    installed = found.program is None or shutil.which(found.program) is not None
    configured = _configured(_CONFIGURATION) if engine.host == DEFAULT_HOST else None
    return replace(found, installed=installed, configured=configured)


def _configured(path: Path) -> str | None:
    """Read the default runtime in Docker's configuration; what cannot be read says nothing."""
    try:
        found = json.loads(path.read_bytes()).get("default-runtime")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def read_swarm(engine: Engine, docker: Docker | Unread | None) -> Swarm | Unread | None:
    """Ask a manager about the nodes of its Swarm; nobody else knows them."""
    if not isinstance(docker, Docker) or not docker.manager:
        return None
    try:
        return parse_swarm(engine.call("GET", "/nodes"))
    except CaissonError as error:
        return Unread(unread=error.message)


def read_podman() -> Podman | Unread | None:
    """Ask Podman about itself, where there is one."""
    if shutil.which("podman") is None:
        return None
    try:
        return parse_podman(run("podman", "info", "--format", "json"))
    except CaissonError as error:
        return Unread(unread=error.message)


def look_inside(engine: Engine, device: str) -> Sight | Unread:
    """Let a container look that is made as deployments make them, with the device and its group; then remove it."""
    name = f"caisson-doctor-{secrets.token_hex(6)}"
    try:
        group = os.stat(device).st_gid  # noqa: PTH116 - the path is one of a device
        image = _import(engine, name)
        try:
            container = Container(
                name=name,
                image=image,
                uid=_USER,
                gid=_USER,
                devices=(DeviceMount(source=device, target=_INSIDE),),
                device_group=group,
                networks=("none",),
            )
            engine.run(name, {**create_request(container), "Cmd": ["/look", _INSIDE]})
            engine.wait(name, timeout=_PATIENCE)
            return parse_sight(engine.logs(name))
        finally:
            engine.remove(name)
            engine.send("DELETE", f"/images/{name}", params={"force": "true"})
    except (CaissonError, OSError) as error:
        return Unread(unread=str(error))


def _import(engine: Engine, name: str) -> str:
    """Give the engine an image that holds nothing but the program."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        content = look()
        member = tarfile.TarInfo("look")
        member.size, member.mode = len(content), 0o555
        tar.addfile(member, io.BytesIO(content))
    answer = engine.send("POST", "/images/create", params={"fromSrc": "-", "repo": name}, content=archive.getvalue())
    if not answer.is_success or '"error"' in answer.text:
        raise Unavailable(f"the engine takes no image: {answer.text[:200]}")
    return name
