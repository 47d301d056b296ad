"""What engines say of themselves, as JSON: read leniently, since much of it is of no interest, and kept sparingly.

Source: Docker Engine API 1.41 to 1.51, `GET /info`, `GET /nodes`; `podman info --format json` of Podman 4 and 5.
"""

from typing import Any

from pydantic import Field, TypeAdapter

from caisson.doctor.answers import Answer, Number, Text, answer_of
from caisson.doctor.readings import Docker, Podman, Swarm, SwarmNode


class _Counted(Answer):
    kind: Text = Field(alias="Kind")
    value: Number = Field(alias="Value")


class _Resource(Answer):
    discrete: _Counted | None = Field(alias="DiscreteResourceSpec", default=None)


class _Runtime(Answer):
    path: Text | None = None


class _Membership(Answer):
    state: Text = Field(alias="LocalNodeState", default="")
    manager: bool = Field(alias="ControlAvailable", default=False)


class _Info(Answer):
    version: Text = Field(alias="ServerVersion")
    security: list[Text] | None = Field(alias="SecurityOptions", default=None)
    default_runtime: Text = Field(alias="DefaultRuntime", default="")
    runtimes: dict[Text, _Runtime] | None = Field(alias="Runtimes", default=None)
    cgroups: Text = Field(alias="CgroupVersion", default="")
    swarm: _Membership | None = Field(alias="Swarm", default=None)
    resources: list[_Resource] | None = Field(alias="GenericResources", default=None)


class _NodeResources(Answer):
    generic: list[_Resource] | None = Field(alias="GenericResources", default=None)


class _Description(Answer):
    name: Text = Field(alias="Hostname", default="")
    resources: _NodeResources | None = Field(alias="Resources", default=None)


class _Specification(Answer):
    availability: Text = Field(alias="Availability", default="")


class _State(Answer):
    state: Text = Field(alias="State", default="")


class _Node(Answer):
    specification: _Specification = Field(alias="Spec")
    description: _Description = Field(alias="Description")
    status: _State = Field(alias="Status")


class _OciRuntime(Answer):
    name: Text = ""


class _PodmanSecurity(Answer):
    rootless: bool = False


class _PodmanHost(Answer):
    cgroups: Text = Field(alias="cgroupVersion", default="")
    runtime: _OciRuntime = Field(alias="ociRuntime")
    security: _PodmanSecurity


class _PodmanVersion(Answer):
    version: Text = Field(alias="Version")


class _PodmanInfo(Answer):
    host: _PodmanHost
    version: _PodmanVersion


_NODES: TypeAdapter[list[_Node]] = TypeAdapter(list[_Node])


def parse_docker(answer: Any, *, local: bool) -> Docker:
    """Read what `GET /info` gave; whether its runtime is installed is for others to see.

    Raises:
        Malformed: it is nothing that a Docker engine says.
    """
    with answer_of("the Docker engine"):
        info = _Info.model_validate(answer)
        runtime = (info.runtimes or {}).get(info.default_runtime)
        return Docker(
            version=info.version,
            local=local,
            security=tuple(info.security or ()),
            default_runtime=info.default_runtime,
            program=None if runtime is None else runtime.path,
            installed=None,
            cgroups=info.cgroups or "of an unknown version",
            swarm=info.swarm.state if info.swarm else "",
            manager=info.swarm is not None and info.swarm.manager,
            resources=_counted(info.resources),
        )


def parse_swarm(answer: Any) -> Swarm:
    """Read what `GET /nodes` gave.

    Raises:
        Malformed: it is nothing that a manager says.
    """
    with answer_of("the Swarm"):
        return Swarm(
            nodes=tuple(
                SwarmNode(
                    name=node.description.name,
                    ready=node.status.state == "ready" and node.specification.availability == "active",
                    resources=_counted(node.description.resources.generic if node.description.resources else None),
                )
                for node in _NODES.validate_python(answer)
            )
        )


def parse_podman(text: str) -> Podman:
    """Read what `podman info --format json` printed.

    Raises:
        Malformed: it is nothing that Podman prints.
    """
    with answer_of("Podman"):
        info = _PodmanInfo.model_validate_json(text)
        return Podman(
            version=info.version.version,
            rootless=info.host.security.rootless,
            runtime=info.host.runtime.name,
            cgroups=info.host.cgroups,
        )


def _counted(resources: list[_Resource] | None) -> dict[str, int]:
    found = [each.discrete for each in resources or () if each.discrete is not None]
    return {each.kind: each.value for each in found}
