"""What `kubectl … -o json` prints of a cluster, kept sparingly: names, readiness, and what is about SGX.

Source: Kubernetes API, core/v1 Node, apps/v1 DaemonSet, admissionregistration.k8s.io/v1; Intel device plugins 0.36 and
the add-on `confcom` of AKS for names.
"""

import re

from pydantic import Field

from caisson.doctor.answers import Answer, Text, answer_of
from caisson.doctor.readings import DevicePlugin, KubernetesNode

_SUFFIXES = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 1 << 10,
    "Mi": 1 << 20,
    "Gi": 1 << 30,
    "Ti": 1 << 40,
}
_QUANTITY = re.compile(r"([0-9]{1,18})(?:\.0{1,9})?([kMGT]|[KMGT]i|)")
_MOST = 1 << 63


class _Metadata(Answer):
    name: Text


class _Condition(Answer):
    type: Text
    status: Text


class _NodeInfo(Answer):
    architecture: Text = ""
    kernel: Text = Field(alias="kernelVersion", default="")
    kubelet: Text = Field(alias="kubeletVersion", default="")


class _NodeStatus(Answer):
    allocatable: dict[Text, Text] = Field(default_factory=dict)
    conditions: list[_Condition] = Field(default_factory=list)
    info: _NodeInfo = Field(alias="nodeInfo")


class _NodeSpecification(Answer):
    unschedulable: bool = False


class _Node(Answer):
    metadata: _Metadata
    spec: _NodeSpecification = _NodeSpecification()
    status: _NodeStatus


class _Nodes(Answer):
    items: list[_Node]


class _DaemonSetStatus(Answer):
    wanted: int = Field(alias="desiredNumberScheduled", default=0, ge=0, lt=_MOST)
    ready: int = Field(alias="numberReady", default=0, ge=0, lt=_MOST)


class _DaemonSet(Answer):
    metadata: _Metadata
    status: _DaemonSetStatus = Field(default_factory=_DaemonSetStatus)


class _DaemonSets(Answer):
    items: list[_DaemonSet]


class _Named(Answer):
    metadata: _Metadata


class _AllNamed(Answer):
    items: list[_Named]


def parse_nodes(text: str) -> tuple[KubernetesNode, ...]:
    """Read all nodes; of their resources those that are about SGX.

    Raises:
        Malformed: it is no list of nodes.
    """
    with answer_of("the cluster, of its nodes,"):
        return tuple(
            KubernetesNode(
                name=node.metadata.name,
                ready=_is_ready(node),
                architecture=node.status.info.architecture,
                kernel=node.status.info.kernel,
                resources=_resources(node.status.allocatable),
            )
            for node in _Nodes.model_validate_json(text).items
        )


def parse_version(text: str) -> str:
    """Give the version of the kubelets, of the nodes that `parse_nodes` reads.

    Raises:
        Malformed: it is no list of nodes.
    """
    with answer_of("the cluster, of its nodes,"):
        found = sorted({node.status.info.kubelet for node in _Nodes.model_validate_json(text).items})
        return ", ".join(found)[:200]


def parse_plugins(text: str) -> tuple[DevicePlugin, ...]:
    """Read those DaemonSets that, by their name, give out SGX devices.

    Raises:
        Malformed: it is no list of DaemonSets.
    """
    with answer_of("the cluster, of its DaemonSets,"):
        return tuple(
            DevicePlugin(name=found.metadata.name, wanted=found.status.wanted, ready=found.status.ready)
            for found in _DaemonSets.model_validate_json(text).items
            if "sgx" in found.metadata.name and "plugin" in found.metadata.name
        )


def parse_webhooks(text: str) -> tuple[str, ...]:
    """Read the names of those webhooks that, by their name, complete pods for SGX; ours are no such.

    Raises:
        Malformed: it is no list of webhooks.
    """
    with answer_of("the cluster, of its webhooks,"):
        names = (found.metadata.name for found in _AllNamed.model_validate_json(text).items)
        return tuple(name for name in names if "sgx" in name or "inteldeviceplugins" in name)


def _is_ready(node: _Node) -> bool:
    ready = any(each.type == "Ready" and each.status == "True" for each in node.status.conditions)
    return ready and not node.spec.unschedulable


def _resources(allocatable: dict[str, str]) -> dict[str, int]:
    found = {}
    for name, text in allocatable.items():
        quantity = _QUANTITY.fullmatch(text)
        if "sgx" in name and quantity is not None:
            found[name] = min(int(quantity[1]) * _SUFFIXES[quantity[2]], _MOST - 1)
    return found
