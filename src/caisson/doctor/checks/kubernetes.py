"""A cluster's nodes, and who gives their devices to pods."""

import re

from caisson.doctor.check import Check, Finding, Purpose, bad, good, of, warn
from caisson.doctor.readings import Image, Kubernetes, KubernetesNode, Readings
from caisson.doctor.sizes import spell

_VERSION = re.compile(r"\bv([0-9]{1,4})\.([0-9]{1,4})")
_OLDEST = (1, 20)
_KUBERNETES = frozenset({Purpose.KUBERNETES})
ENCLAVE, EPC, AKS_EPC = "sgx.intel.com/enclave", "sgx.intel.com/epc", "kubernetes.azure.com/sgx_epc_mem_in_MiB"
_PLUGIN = "install Intel's SGX device plugin, or the add-on `confcom` on AKS; `--flavour nodevice` needs none of it"


def answers(found: Kubernetes, _readings: Readings) -> Finding:
    """Judge whether there is a cluster to be seen."""
    seen = f"Kubernetes {found.version}, {_count(len(found.nodes), 'node')}"
    versions = [(int(major), int(minor)) for major, minor in _VERSION.findall(found.version)]
    if versions and min(versions) < _OLDEST:
        return warn(seen, "nothing before Kubernetes 1.20 is tried", "renew the kubelets")
    return good(seen)


def has_nodes(found: Kubernetes, _readings: Readings) -> Finding:
    """Judge nodes that could run the images at all."""
    able = _able(found)
    if able:
        return good(f"{len(able)} of {_count(len(found.nodes), 'node')} ready, and of the architecture amd64")
    return bad(
        f"none of {_count(len(found.nodes), 'node')} is ready and of the architecture amd64",
        "confidential images are for that architecture",
        "`kubectl describe nodes` says why they are not ready; or add such a node",
    )


def has_plugin(found: Kubernetes, _readings: Readings) -> Finding:
    """Judge who registers the devices."""
    for plugin in found.plugins:
        if plugin.wanted and plugin.ready < plugin.wanted:
            return bad(
                f"`{plugin.name}` is ready on {plugin.ready} of {_count(plugin.wanted, 'node')}",
                "where it is not, the devices are missing or stale",
                "`kubectl logs` of its pods says why; it needs `/dev/sgx_enclave` and `/dev/sgx_provision`",
            )
    running = [plugin for plugin in found.plugins if plugin.wanted]
    if running:
        return good(", ".join(f"`{plugin.name}` on {_count(plugin.wanted, 'node')}" for plugin in running))
    if any(ENCLAVE in node.resources for node in found.nodes):
        return good(f"no DaemonSet of a known name, but nodes have `{ENCLAVE}`")
    if found.plugins:
        return bad(
            f"`{found.plugins[0].name}` wants to run on no node",
            "its node selector fits none: no node is labelled as one with SGX",
            "install Node Feature Discovery with Intel's rules, or label `intel.feature.node.kubernetes.io/sgx=true`",
        )
    return bad(
        "no SGX device plugin", "pods cannot be given the enclave device: a hostPath alone does not open", _PLUGIN
    )


def gives_devices(found: Kubernetes, _readings: Readings) -> Finding:
    """Judge what pods can ask for."""
    able = [node for node in _able(found) if node.resources.get(ENCLAVE) or node.resources.get(AKS_EPC)]
    if able:
        return good(f"{_count(len(able), 'node')} with SGX: {', '.join(node.name for node in able[:5])}")
    return bad(
        f"no node that is ready has `{ENCLAVE}`",
        f"pods stay pending: `Insufficient {ENCLAVE}`",
        "run `caisson doctor --for run` on a node that should have SGX",
    )


def gives_pages(found: Kubernetes, readings: Readings) -> Finding:
    """Judge the page cache that pods can ask for, against the image if there is one."""
    most = max((_pages(node) for node in _able(found)), default=0)
    if not most:
        return bad(
            f"no node that is ready has `{EPC}`",
            "pods that ask for page cache, as all of `caisson deploy kubernetes` do, stay pending",
            "Intel's plugin registers it by Node Feature Discovery (a NodeFeatureRule) or by its init container",
        )
    image = readings.image
    if isinstance(image, Image) and image.enclave_size > most:
        return bad(
            f"at most {spell(most)} on one node; the image asks for {spell(image.enclave_size)}",
            "its pods stay pending",
            "build it with a smaller `[enclave] size`",
        )
    return good(f"at most {spell(most)} on one node")


def has_webhook(found: Kubernetes, _readings: Readings) -> Finding:
    """Judge whether Intel's webhook fills in what pods need."""
    if found.webhooks:
        return good(f"`{'`, `'.join(found.webhooks)}`: `--flavour intel-webhook`, or `aks` on AKS, can be used")
    return warn(
        "no webhook of Intel's for SGX",
        "pods must ask for the device themselves, and mount aesmd's socket",
        "deploy with `--flavour intel-plain` or `sidecar`",
    )


def _able(found: Kubernetes) -> list[KubernetesNode]:
    return [node for node in found.nodes if node.ready and node.architecture == "amd64"]


def _pages(node: KubernetesNode) -> int:
    return max(node.resources.get(EPC, 0), node.resources.get(AKS_EPC, 0) << 20)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


CHECKS = (
    Check(
        id="D70",
        name="kubernetes",
        title="the cluster answers",
        looks_at="what `kubectl` gives for nodes, DaemonSets and webhooks, with its own configuration",
        why="everything else about the cluster is asked there",
        purposes=_KUBERNETES,
        judge=of(lambda readings: readings.kubernetes, answers),
    ),
    Check(
        id="D71",
        name="kubernetes-nodes",
        title="nodes can run the images",
        looks_at="each node's condition `Ready` and its architecture",
        why="SGX exists on amd64 only, and so do confidential images",
        purposes=_KUBERNETES,
        judge=of(lambda readings: readings.kubernetes, has_nodes),
        after=("D70",),
    ),
    Check(
        id="D72",
        name="kubernetes-plugin",
        title="a device plugin runs",
        looks_at="DaemonSets that give out SGX devices, and on how many nodes they are ready",
        why="a pod gets the device only from the kubelet, and that from a plugin",
        purposes=_KUBERNETES,
        judge=of(lambda readings: readings.kubernetes, has_plugin),
        after=("D71",),
    ),
    Check(
        id="D73",
        name="kubernetes-devices",
        title="pods can ask for the enclave device",
        looks_at=f"`{ENCLAVE}` (on AKS of old `{AKS_EPC}`) among what nodes can allocate",
        why="the scheduler looks for it",
        purposes=_KUBERNETES,
        judge=of(lambda readings: readings.kubernetes, gives_devices),
        after=("D72",),
    ),
    Check(
        id="D74",
        name="kubernetes-epc",
        title="pods can ask for enclave page cache",
        looks_at=f"`{EPC}` among what nodes can allocate, against the enclave of the image if one is named",
        why="deployments ask for as much as the enclave is large",
        purposes=_KUBERNETES,
        judge=of(lambda readings: readings.kubernetes, gives_pages),
        after=("D73",),
    ),
    Check(
        id="D75",
        name="kubernetes-webhook",
        title="Intel's webhook completes pods",
        looks_at="mutating webhooks whose name is about SGX and Intel or AKS",
        why="it decides which flavour a deployment is generated in",
        purposes=_KUBERNETES,
        judge=of(lambda readings: readings.kubernetes, has_webhook),
        after=("D70",),
        decides=False,
    ),
)
