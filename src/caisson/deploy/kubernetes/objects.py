"""A deployment as Kubernetes objects, all of API versions that every release since 1.21 has."""

import re
from dataclasses import dataclass
from typing import Any

from caisson.deploy.aesmd import aesmd_files
from caisson.deploy.deployment import Deployment, SgxDevices
from caisson.deploy.evidence import PlatformSocket, SidecarAesmd
from caisson.deploy.image import ImagePin
from caisson.deploy.kubernetes.aesmd import AESMD_NAME, configuration_name
from caisson.deploy.kubernetes.flavour import Flavour, require_provider
from caisson.deploy.kubernetes.network import headless_name, network_policy, require_ports, services
from caisson.deploy.kubernetes.platform import PLATFORM_NAME, platform_objects
from caisson.deploy.kubernetes.pod import claims, pod_template, require_names_apart
from caisson.errors import UsageError

DEFAULT_STORAGE = 1 << 30

_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesOptions:
    """What only Kubernetes wants to know.

    `storage` is what each volume claims, in bytes. `egress` are TCP ports to which the program may connect besides
    the key server and its evidence. `platform_image` runs the software platform on each node (its entry point is
    `caisson`).
    """

    flavour: Flavour
    storage: int = DEFAULT_STORAGE
    egress: tuple[int, ...] = ()
    platform_image: ImagePin | None = None


def kubernetes_objects(deployment: Deployment, options: KubernetesOptions) -> list[dict[str, Any]]:
    """Give the objects of a deployment, in the order in which they are to be made.

    Raises:
        UsageError: something that Kubernetes would ignore, or could not do.
    """
    require_provider(deployment, options.flavour)
    _require_sayable(deployment, options)
    labels = {"app.kubernetes.io/name": deployment.name, "app.kubernetes.io/managed-by": "caisson"}
    selector = {"app.kubernetes.io/name": deployment.name}
    metadata = {"name": deployment.name, "labels": labels}
    stateful = bool(deployment.image.volumes)
    found: list[dict[str, Any]] = []
    if options.platform_image is not None and isinstance(deployment.evidence, PlatformSocket):
        found += platform_objects(options.platform_image, deployment.evidence)
    found.append(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, "automountServiceAccountToken": False}
    )
    if isinstance(deployment.evidence, SidecarAesmd):
        data = {file.name: file.text for file in aesmd_files(deployment.evidence)}
        own = {"name": configuration_name(deployment.name), "labels": labels}
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": own, "data": data})
    found += services(deployment, selector, headless=stateful)
    found.append(network_policy(deployment, selector, options.egress))
    if deployment.replicas > 1:
        budget = {"maxUnavailable": 1, "selector": {"matchLabels": selector}}
        found.append({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": budget})
    spec: dict[str, Any] = {"replicas": deployment.replicas, "selector": {"matchLabels": selector}}
    template = pod_template(deployment, options.flavour, labels)
    if stateful:
        spec |= {"serviceName": headless_name(deployment.name), "podManagementPolicy": "Parallel"}
        spec |= {"template": template, "volumeClaimTemplates": claims(deployment, options.storage)}
    else:
        spec |= {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, "template": template}
    kind = "StatefulSet" if stateful else "Deployment"
    found.append({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec})
    return found


def _require_sayable(deployment: Deployment, options: KubernetesOptions) -> None:
    if _NAME.fullmatch(deployment.name) is None or deployment.name in (AESMD_NAME, PLATFORM_NAME):
        raise UsageError(
            f"`{deployment.name}` is no name for a Service of yours",
            hint="choose one with `--name` that begins with a letter",
        )
    if deployment.image.pin.repository is None:
        raise UsageError(
            "nodes pull images from a registry, and this one has no place there",
            hint="push it, and say with `--repository` where",
        )
    if deployment.networks:
        raise UsageError("pods have one network", hint="leave out `--network`, and see the NetworkPolicy")
    if (deployment.devices.enclave, deployment.devices.provision) != (SgxDevices().enclave, SgxDevices().provision):
        raise UsageError("the device plugin knows where devices are", hint="leave out `--enclave-device`")
    if deployment.restart != "unless-stopped":
        raise UsageError(f"a Deployment has no restart policy `{deployment.restart}`")
    if isinstance(deployment.evidence, SidecarAesmd) and deployment.evidence.pccs_image is not None:
        raise UsageError("a PCCS for each pod would be none at all", hint="run one, and name it with `--pccs-url`")
    if options.platform_image is not None and not isinstance(deployment.evidence, PlatformSocket):
        raise UsageError("`--platform-image` is for the socket of a software platform", hint="add `--platform-socket`")
    require_ports(deployment)
    require_names_apart(deployment.image)
