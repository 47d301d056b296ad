"""Docker, Podman, the Swarm, and a container that looks for itself."""

import io
import json
import re
import secrets
import shutil
import tarfile
from dataclasses import dataclass, replace
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
from caisson.errors import CaissonError, Unavailable, UsageError

_INSIDE = "/dev/sgx_enclave"
_USER = 1000
_CONFIGURATION = Path("/etc/docker/daemon.json")
_PATIENCE = 30
_CREDENTIALS = re.compile(r"//[^/@\s`]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What the engine at DOCKER_HOST says of itself and of its Swarm, and what a container saw."""

    docker: Docker | Unread
    inside: Sight | Unread | None
    swarm: Swarm | Unread | None


def read_engines(*, device: str | None, nodes: bool) -> Engines:
    """Ask the engine; with a `device` let a container look at it, and with `nodes` ask a manager about them."""
    try:
        engine = Engine()
    except UsageError as error:
        inside = None if device is None else look_inside(None, device)
        return Engines(docker=Unread(unread=_public(error.message)), inside=inside, swarm=None)
    with engine:
        docker = read_docker(engine)
        usable = engine if isinstance(docker, Docker) else None
        elsewhere = isinstance(docker, Docker) and not docker.local  # where the device is another one
        return Engines(
            docker=docker,
            inside=None if device is None or elsewhere else look_inside(usable, device),
            swarm=read_swarm(engine, docker) if nodes else None,
        )


def _public(text: str) -> str:
    """Take user and password out of an address: readings are sent to others."""
    return _CREDENTIALS.sub("//", text)


def read_docker(engine: Engine) -> Docker | Unread:
    """Ask an engine about itself; of one on this machine, see whether its default runtime is there."""
    address = urlsplit(engine.host)
    local = address.scheme == "unix" or address.hostname in ("127.0.0.1", "localhost", "::1")
    try:
        found = parse_docker(engine.call("GET", "/info"), local=local)
    except CaissonError as error:
        return Unread(unread=_public(error.message))
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


def read_swarm(engine: Engine, docker: Docker | Unread) -> Swarm | Unread | None:
    """Ask a manager about the nodes of its Swarm; nobody else knows them."""
    if not isinstance(docker, Docker) or not docker.manager:
        return None
    try:
        return parse_swarm(engine.call("GET", "/nodes"))
    except CaissonError as error:
        return Unread(unread=_public(error.message))


def read_podman() -> Podman | Unread | None:
    """Ask Podman about itself, where there is one."""
    if shutil.which("podman") is None:
        return None
    try:
        return parse_podman(run("podman", "info", "--format", "json"))
    except CaissonError as error:
        return Unread(unread=error.message)


def look_inside(engine: Engine | None, device: str) -> Sight | Unread:
    """Let a container look that is made as deployments make them, with the device and its group; then remove it.

    Without an engine Podman is asked, where there is one.
    """
    name = f"caisson-doctor-{secrets.token_hex(6)}"
    try:
        group = Path(device).stat().st_gid
        if engine is not None:
            return parse_sight(_docker_tells(engine, name, device, group))
        if shutil.which("podman") is not None:
            return parse_sight(_podman_tells(name, device, group))
    except (CaissonError, OSError) as error:
        return Unread(unread=_public(str(error)))
    return Unread(unread="no engine answers")


def _docker_tells(engine: Engine, name: str, device: str, group: int) -> str:
    container = Container(
        name=name,
        image=name,
        uid=_USER,
        gid=_USER,
        devices=(DeviceMount(source=device, target=_INSIDE),),
        device_group=group,
        networks=("none",),
    )
    answer = engine.send("POST", "/images/create", params={"fromSrc": "-", "repo": name}, content=_archive())
    if not answer.is_success or '"error"' in answer.text:
        raise Unavailable(f"the engine takes no image: {answer.text[:200]}")
    try:
        engine.run(name, {**create_request(container), "Cmd": ["/look", _INSIDE]})
        engine.wait(name, timeout=_PATIENCE)
        return engine.logs(name)
    finally:
        engine.remove(name)
        engine.send("DELETE", f"/images/{name}", params={"force": "true"})


def _podman_tells(name: str, device: str, group: int) -> str:
    confined = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=none")
    # As `caisson deploy run --engine podman` does: the `/dev` of Podman's own is `noexec`.
    passed = ("--device", f"{device}:{_INSIDE}:rw", "--volume", f"{device}:{_INSIDE}:dev,exec")
    given = ("--user", f"{_USER}:{_USER}", "--group-add", str(group))
    run("podman", "import", "-", name, given=_archive())
    try:
        return run("podman", "run", "--rm", "--name", name, *confined, *passed, *given, name, "/look", _INSIDE)
    finally:
        run("podman", "image", "rm", "--force", name)


def _archive() -> bytes:
    """Give a root file system that holds nothing but the program."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        content = look()
        member = tarfile.TarInfo("look")
        member.size, member.mode = len(content), 0o555
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
