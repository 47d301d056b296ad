"""Confidential containers of the engine, by their names."""

from collections.abc import Iterable, Mapping, Sequence

from caisson.conversion import SIGSTRUCT, TMPFS_LABEL
from caisson.deploy import BESIDE_LABEL, network_of
from caisson.engine import ContainerState, Docker, Listed
from caisson.errors import UsageError
from caisson.lifecycle import SignedEnclave
from caisson.sgx import SigStruct


def confidential(docker: Docker) -> dict[str, Listed]:
    """Give all containers whose image says that it is confidential, however they were started."""
    return docker.containers(label=TMPFS_LABEL)


def named(docker: Docker, name: str) -> Listed:
    """Give the container of this name.

    Raises:
        UsageError: it is none of ours.
    """
    known = confidential(docker)
    if name not in known:
        raise _unknown(name, known)
    return known[name]


def together(docker: Docker, names: Sequence[str], *, ignore_unknown: bool = False) -> tuple[Listed, ...]:
    """Give the containers of these names, each once and followed by what is beside it, which may be all that is left.

    Raises:
        UsageError: a name is that of none of ours; then nothing was done to the others yet.
    """
    known, found = confidential(docker), dict[str, Listed]()
    for name in names:
        group = [one for one in known.values() if main_of(one) == name or one.name == name]
        if not group and not ignore_unknown:
            raise _unknown(name, known)
        found |= {one.name: one for one in sorted(group, key=lambda one: one.name != name)}
    return tuple(found.values())


def main_of(container: Listed) -> str:
    """Give the name of the container that this one is there for: its own, unless it stands beside another."""
    return container.labels.get(BESIDE_LABEL, container.name)


def enclave_in(docker: Docker, container: Listed) -> SignedEnclave | None:
    """Give the enclave that the SIGSTRUCT in a container admits; None if it has none, or one that does not hold."""
    return SignedEnclave.of(docker.file(container.container_id, SIGSTRUCT, largest=SigStruct.SIZE))


def state_of(docker: Docker, container: Listed) -> ContainerState:
    """Give the state of a container that was there a moment ago.

    Raises:
        UsageError: it is gone.
    """
    state = docker.state(container.container_id)
    if state is None:
        raise UsageError(f"the container `{container.name}` was removed just now")
    return state


def remove(docker: Docker, containers: Iterable[Listed], *, force: bool, volumes: bool) -> None:
    """Remove containers, all their volumes if asked to, and networks on which one of them was the last of its group.

    Raises:
        UsageError: one runs, and is not to be removed by force.
    """
    networks = set[str]()
    for container in containers:
        docker.remove(container.name, force=force, volumes=volumes)
        for volume in container.volumes if volumes else ():
            docker.remove_volume(volume)
        networks |= container.networks & {network_of(main_of(container))}
    still = {network_of(main_of(left)) for left in confidential(docker).values()} if networks else set()
    for network in networks - still:
        docker.remove_network(network)


def _unknown(name: str, known: Mapping[str, Listed]) -> UsageError:
    there = ", ".join(f"`{one}`" for one in sorted(known)) or "none"
    return UsageError(f"no confidential container is named `{name}`", hint=f"there are: {there}")
