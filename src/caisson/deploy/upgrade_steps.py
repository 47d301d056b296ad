"""The order in which an upgrade goes, so that at no time something runs that a policy refuses."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from caisson.deploy.files import File
from caisson.deploy.upgrade import Upgrade

PlatformName = Literal["run", "compose", "swarm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do, and with which command, if there is one."""

    what: str
    command: str | None = None


def policy_files(upgrade: Upgrade) -> tuple[File, ...]:
    """Give the policies for the time in between, and for the time after."""
    found: list[File] = []
    for verdict in upgrade.policies:
        if verdict.overlapping is not None:
            found.append(File(name=f"{verdict.name}.both.toml", text=verdict.overlapping.encode()))
        if verdict.final is not None:
            found.append(File(name=f"{verdict.name}.new.toml", text=verdict.final.encode()))
    return tuple(found)


def steps(upgrade: Upgrade, *, name: str, platform: PlatformName, directory: str) -> tuple[Step, ...]:
    """Give the steps for the deployment `name` on a platform; `directory` is where `policy_files` are written.

    From an image to itself there are none.
    """
    return tuple(_steps(upgrade, name, platform, directory)) if upgrade.changes else ()


def _steps(upgrade: Upgrade, name: str, platform: PlatformName, directory: str) -> Iterator[Step]:
    for path in upgrade.sealed:
        yield Step(what=f"copy what is in `{path}` out by the old release: the new one derives another key")
    for verdict in upgrade.policies:
        if verdict.overlapping is not None:
            yield Step(
                what=f"accept both releases in `{verdict.name}`, at the key server and wherever it is attested",
                command=_set_policy(name, f"{directory}/{verdict.name}.both.toml"),
            )
    yield from _roll_out(name, platform)
    yield Step(
        what="see that every replica proves to be the new release",
        command="caisson attest HOST:PORT --policy FILE --pcs URL",
    )
    for verdict in upgrade.policies:
        if verdict.final is not None:
            yield Step(
                what=f"stop accepting the old release in `{verdict.name}`",
                command=_set_policy(name, f"{directory}/{verdict.name}.new.toml"),
            )


def _set_policy(name: str, policy: str) -> str:
    return f"caisson workload policy {shlex.quote(name)} {shlex.quote(policy)}"


def _roll_out(name: str, platform: PlatformName) -> Iterator[Step]:
    match platform:
        case "run":
            yield Step(what="stop the old container; its volumes stay", command=f"docker rm --force {name}")
            yield Step(what="start the new one, as `caisson deploy run NEW` wrote it", command="sh run.sh")
        case "compose":
            yield Step(
                what="replace the containers, as `caisson deploy compose NEW` wrote them",
                command="docker compose up --detach",
            )
        case "swarm":
            yield Step(
                what="replace one task after the other, as `caisson deploy swarm NEW` wrote them; a task that does "
                "not start ends the update, and Swarm goes back",
                command=f"docker stack deploy --compose-file stack.yaml {name}",
            )
