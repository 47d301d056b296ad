"""What runs containers: Docker or Podman, a Swarm, a Kubernetes."""

from typing import Annotated

from pydantic import Field

from caisson.doctor.readings.vocabulary import Count, Text, Texts, reading


@reading
class Docker:
    """What a Docker engine says of itself, as far as it matters here. `local`: it runs on this machine.

    `program` is the path of its default runtime and `installed` whether that is there; `resources` are the generic
    resources of the node, by name. `configured` is the default runtime in its configuration, where that can be read.
    """

    version: Text
    local: bool
    security: Texts
    default_runtime: Text
    program: Text | None
    installed: bool | None
    configured: Text | None = None
    cgroups: Text
    swarm: Text
    manager: bool
    resources: dict[Text, Count]


@reading
class Podman:
    """What Podman says of itself."""

    version: Text
    rootless: bool
    runtime: Text
    cgroups: Text


@reading
class SwarmNode:
    """A node, as a manager of its Swarm sees it."""

    name: Text
    ready: bool
    resources: dict[Text, Count]


@reading
class Swarm:
    """All nodes of the Swarm that an engine manages."""

    nodes: Annotated[tuple[SwarmNode, ...], Field(max_length=10_000)]


@reading
class KubernetesNode:
    """A node of a cluster; `resources` are those that containers can ask for and that are about SGX."""

    name: Text
    ready: bool
    architecture: Text
    kernel: Text
    resources: dict[Text, Count]


@reading
class DevicePlugin:
    """A DaemonSet that gives out SGX devices: on how many nodes it should run, and does."""

    name: Text
    wanted: Count
    ready: Count


@reading
class Kubernetes:
    """A cluster, as far as `kubectl` may see it."""

    version: Text
    nodes: Annotated[tuple[KubernetesNode, ...], Field(max_length=10_000)]
    plugins: Annotated[tuple[DevicePlugin, ...], Field(max_length=1_000)]
    webhooks: Texts
