"""The engines of this machine, and its place in a Swarm."""

import re

from caisson.deploy import EPC_RESOURCE, RUNTIME_NAME
from caisson.doctor.check import Check, Finding, Purpose, bad, good, of, unknown, warn
from caisson.doctor.readings import Docker, Podman, Readings, Swarm, Unread

_RUNNING = frozenset({Purpose.RUN, Purpose.SWARM})
_SWARM = frozenset({Purpose.SWARM})
_VERSION = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})")
_NONE = (0, 0)
_OLDEST_DOCKER, _OLDEST_PODMAN = (20, 10), (4, 0)
_SETUP = "`caisson node setup swarm`, then start Docker anew"


def _version(text: str) -> tuple[int, int]:
    found = _VERSION.match(text)
    return _NONE if found is None else (int(found[1]), int(found[2]))


def answers(readings: Readings) -> Finding | None:
    """Judge whether there is an engine."""
    docker, podman = readings.docker, readings.podman
    if docker is None or isinstance(docker, Docker):
        return None if docker is None else _suits(docker)
    start = "start Docker, or set DOCKER_HOST to an engine that runs"
    if "permission denied" in docker.unread.lower():
        start = "`usermod -aG docker USER`, and log in anew; whoever is in that group is root"
    if isinstance(podman, Podman):
        return warn(
            f"{docker.unread}; there is Podman {podman.version}",
            "`caisson run` and `caisson up` speak with Docker; files of `caisson deploy run` also work with Podman",
            f"`caisson deploy run --engine podman`; or {start}",
        )
    return bad(docker.unread, "`caisson run`, `caisson up` and stacks need Docker", start)


def _suits(docker: Docker) -> Finding:
    seen = f"Docker {docker.version}, {docker.default_runtime}, cgroups {docker.cgroups}"
    if _version(docker.version) == _NONE:
        return unknown(f"an engine answers, but `{docker.version}` is no version of Docker's")
    if _version(docker.version) < _OLDEST_DOCKER:
        return bad(seen, "nothing before Docker 20.10 is tried", "install a newer Docker")
    if not docker.local:
        return warn(
            f"{seen}, on another machine",
            "what is said here of the CPU and of devices is about this machine, not about that one",
            "run the doctor there",
        )
    return good(seen)


def confines(docker: Docker, _readings: Readings) -> Finding:
    """Judge how the engine keeps containers in, and what that does to devices."""
    names = [option.partition(",")[0].removeprefix("name=") for option in docker.security]
    if "rootless" in names or "userns" in names:
        how = "runs without root" if "rootless" in names else "maps users"
        return warn(
            f"the engine {how}",
            "the group of `/dev/sgx_enclave` is another one in containers, so that `--group-add` does not open it",
            "mode 0666 for the device by a udev rule (whoever may run programs here may then make enclaves)",
        )
    if "seccomp" not in names:
        return warn(
            "containers are not filtered by seccomp",
            "nothing limits what a library OS that was broken into asks of the host",
            "run Docker with its default profile, on a kernel with SECCOMP_FILTER",
        )
    return good(f"{', '.join(names)}")


def has_podman(podman: Podman, _readings: Readings) -> Finding:
    """Judge Podman, where there is one."""
    seen = f"Podman {podman.version}, {podman.runtime}, cgroups {podman.cgroups}{', without root' * podman.rootless}"
    if _version(podman.version) < _OLDEST_PODMAN:
        return warn(seen, "nothing before Podman 4 is tried", "install a newer Podman")
    if podman.rootless:
        return warn(
            seen,
            "in containers the device's group is nobody, and `/dev` may be `noexec`",
            "`--group-add keep-groups` with crun, or mode 0666 for the device",
        )
    return good(seen)


def is_member(docker: Docker, _readings: Readings) -> Finding:
    """Judge whether the engine is in a Swarm."""
    if docker.swarm == "active":
        return good(f"{'a manager' if docker.manager else 'a worker'} of a Swarm")
    return bad(
        f"this engine is in no Swarm ({docker.swarm or 'it says nothing of one'})",
        "stacks are deployed on a Swarm's manager",
        "`docker swarm init`, or `docker swarm join` with a manager's token",
    )


def is_set_up(docker: Docker, _readings: Readings) -> Finding:
    """Judge what `caisson node setup swarm` leaves in the engine."""
    if docker.default_runtime != RUNTIME_NAME and docker.configured == RUNTIME_NAME:
        return bad(
            f"the default runtime is `{docker.default_runtime}`, though the configuration says `{RUNTIME_NAME}`",
            "Docker runs with the configuration that it had when it was started",
            "start Docker anew",
        )
    if docker.default_runtime != RUNTIME_NAME:
        return bad(
            f"the default runtime is `{docker.default_runtime}`",
            "a Swarm gives no devices to tasks: only a runtime of the node can, and it must be the default one",
            _SETUP,
        )
    if docker.installed is False:
        return bad(
            f"the default runtime `{docker.program}` is not there",
            "no container starts on this node",
            "`caisson node setup swarm` installs it anew; `caisson node reset` does without",
        )
    if docker.installed is None:
        return unknown(f"`{docker.program}` is on another machine", "run the doctor there")
    return good(f"the default runtime is `{docker.default_runtime}`, and is installed")


def offers_pages(docker: Docker, readings: Readings) -> Finding:
    """Judge the resource that tasks reserve: on this node, and as a manager sees the others."""
    swarm = readings.swarm
    here = docker.resources.get(EPC_RESOURCE, 0)
    if isinstance(swarm, Swarm):
        able = [node for node in swarm.nodes if node.ready and node.resources.get(EPC_RESOURCE, 0)]
        if able:
            most = max(node.resources[EPC_RESOURCE] for node in able)
            return good(f"{len(able)} of {len(swarm.nodes)} nodes offer `{EPC_RESOURCE}`, at most {most} MiB")
    elif here:
        return good(f"this node offers {here} MiB of `{EPC_RESOURCE}`")
    if isinstance(swarm, Unread) and not here:
        return unknown(f"the Swarm's nodes could not be seen: {swarm.unread}")
    return bad(
        f"no node that is ready offers `{EPC_RESOURCE}`",
        "tasks stay pending: `no suitable node (insufficient resources)`",
        f"on each node with SGX {_SETUP}",
    )


CHECKS = (
    Check(
        id="D30",
        name="engine",
        title="an engine runs containers",
        looks_at="the Docker engine at DOCKER_HOST, and `podman info`",
        why="confidential images are container images",
        purposes=_RUNNING,
        judge=answers,
    ),
    Check(
        id="D31",
        name="confinement",
        title="the engine confines containers, and lets devices through",
        looks_at="what Docker says of seccomp, mapped users and running without root",
        why="mapped users lose the device's group; without seccomp the host is open to a broken library OS",
        purposes=_RUNNING,
        judge=of(lambda readings: readings.docker, confines),
        after=("D30",),
        decides=False,
    ),
    Check(
        id="D32",
        name="podman",
        title="Podman is one that is tried",
        looks_at="what `podman info` says, where there is a `podman`",
        why="files of `caisson deploy run` also work with Podman",
        purposes=frozenset({Purpose.RUN}),
        judge=of(lambda readings: readings.podman, has_podman),
        decides=False,
    ),
)
SWARM_CHECKS = (
    Check(
        id="D60",
        name="swarm",
        title="the engine is in a Swarm",
        looks_at="what Docker says of its Swarm",
        why="stacks are deployed on a Swarm",
        purposes=_SWARM,
        judge=of(lambda readings: readings.docker, is_member),
        after=("D30",),
    ),
    Check(
        id="D61",
        name="swarm-runtime",
        title="the node gives tasks the enclave device",
        looks_at="Docker's default runtime, and whether its program is there",
        why="a Swarm passes no devices on; `caisson node setup swarm` makes the node's runtime do it",
        purposes=_SWARM,
        judge=of(lambda readings: readings.docker, is_set_up),
        after=("D30",),
    ),
    Check(
        id="D62",
        name="swarm-resource",
        title="a node offers enclave page cache",
        looks_at=f"the generic resource `{EPC_RESOURCE}` of this node or, on a manager, of all that are ready",
        why="tasks reserve it, so that they come to nodes with SGX, and not to too few of them",
        purposes=_SWARM,
        judge=of(lambda readings: readings.docker, offers_pages),
        after=("D60", "D61"),
    ),
)
