"""Confidential containers of the engine, by their names."""

from collections.abc import Mapping, Sequence

from caisson.conversion import TMPFS_LABEL
from caisson.deploy import BESIDE_LABEL
from caisson.engine import ContainerState, Docker, Listed
from caisson.errors import UsageError


def confidential(docker: Docker) -> dict[str, Listed]:
    """Give all containers whose image says that it is confidential, however they were started."""
    return docker.containers(label=TMPFS_LABEL)


def named(docker: Docker, names: Sequence[str], *, known: Mapping[str, Listed] | None = None) -> list[Listed]:
    """Give the containers of these names, each once; the engine is asked unless all are known.

    Raises:
        UsageError: one is none of ours; then nothing was done to the others yet.
    """
    known = confidential(docker) if known is None else known
    for name in names:
        if name not in known:
            raise UsageError(f"no confidential container is named `{name}`", hint=f"there are: {_list(known)}")
    return [known[name] for name in dict.fromkeys(names)]


def beside(container: str, known: Mapping[str, Listed]) -> tuple[Listed, ...]:
    """Give those of the known containers that are there for another one, which need not be there itself."""
    return tuple(one for one in known.values() if one.labels.get(BESIDE_LABEL) == container)


def state_of(docker: Docker, container: Listed) -> ContainerState:
    """Give the state of a container that was there a moment ago.

    Raises:
        UsageError: it is gone.
    """
    state = docker.state(container.container_id)
    if state is None:
        raise UsageError(f"the container `{container.name}` was removed just now")
    return state


def remove(docker: Docker, container: Listed, *, force: bool, volumes: bool) -> None:
    """Remove a container, and all its volumes if asked to.

    Raises:
        UsageError: it runs, and is not to be removed by force.
    """
    docker.remove(container.name, force=force, volumes=volumes)
    for volume in container.volumes if volumes else ():
        docker.remove_volume(volume)


def _list(names: Mapping[str, Listed]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"
