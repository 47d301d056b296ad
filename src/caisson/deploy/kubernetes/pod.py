"""The pod of one replica: the program, locked down, and what gives it evidence."""

from typing import Any

from caisson.deploy.application import AESMD_VOLUME, LABEL, PLATFORM_SOCKET, application
from caisson.deploy.container import Container
from caisson.deploy.deployment import Deployment
from caisson.deploy.evidence import AESMD_DIRECTORY, HostAesmd, PlatformSocket, SidecarAesmd
from caisson.deploy.image import HealthCheck, MeasuredImage
from caisson.deploy.kubernetes.aesmd import aesmd_container, aesmd_volumes
from caisson.deploy.kubernetes.flavour import Flavour, pod_annotations, sgx_limits, tolerations
from caisson.deploy.kubernetes.locked_down import LOCKED_DOWN
from caisson.errors import UsageError

PROTECTS_NOTHING = "org.caisson/protects"
_PLATFORM_VOLUME = "platform"


def pod_template(deployment: Deployment, flavour: Flavour, labels: dict[str, str]) -> dict[str, Any]:
    """Give the pod template, with labels by which others find the pod.

    Raises:
        UsageError: the enclave's size is not known.
    """
    container = application(deployment)
    annotations = {LABEL: deployment.workload_name, **pod_annotations(flavour)}
    if flavour == "nodevice":
        annotations[PROTECTS_NOTHING] = "nothing"
    containers = [program(deployment, flavour, container)]
    volumes = pod_volumes(deployment, flavour, container)
    if isinstance(deployment.evidence, SidecarAesmd):
        containers.append(aesmd_container(deployment.evidence))
        volumes += aesmd_volumes(deployment.name)
    spec: dict[str, Any] = {
        "serviceAccountName": deployment.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(container),
        "containers": containers,
    }
    if volumes:
        spec["volumes"] = volumes
    if found := tolerations(flavour):
        spec["tolerations"] = found
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}


def require_names_apart(image: MeasuredImage) -> None:
    """Refuse paths that would be one volume: Kubernetes' names of volumes have fewer signs than paths.

    Raises:
        UsageError: there are two.
    """
    for kind, paths in (("memory", image.tmpfs), ("data", image.volumes)):
        known: dict[str, str] = {}
        for path in paths:
            other = known.setdefault(_volume_name(kind, path), path)
            if other != path:
                raise UsageError(
                    f"Kubernetes cannot tell the volumes of `{other}` and `{path}` apart",
                    hint="build the image with paths that differ in letters or digits, and not in the case alone",
                )


def pod_security(container: Container) -> dict[str, Any]:
    """Give the pod's security context: nobody in it is root, unless the program must be."""
    context: dict[str, Any] = {
        "runAsNonRoot": container.uid != 0,
        "runAsUser": container.uid,
        "runAsGroup": container.gid,
        "fsGroup": container.gid,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if container.device_group is not None:
        context["supplementalGroups"] = [container.device_group]
    return context


def program(deployment: Deployment, flavour: Flavour, container: Container) -> dict[str, Any]:
    """Give the program's container.

    Raises:
        UsageError: the enclave's size is not known.
    """
    document: dict[str, Any] = {
        "name": deployment.name,
        "image": container.image,
        "imagePullPolicy": "IfNotPresent",  # a digest means the same image wherever it was pulled
        "env": [{"name": name, "value": literal(value)} for name, value in container.environment],
        "ports": [{"name": f"tcp-{port}", "containerPort": port, "protocol": "TCP"} for port in deployment.image.ports],
        "securityContext": LOCKED_DOWN,
        "resources": _resources(container, sgx_limits(flavour, deployment.image.enclave_size)),
        "volumeMounts": mounts(deployment, flavour, container),
        **_probes(container.health, deployment.image.ports),
    }
    return {name: value for name, value in document.items() if value}


def mounts(deployment: Deployment, flavour: Flavour, container: Container) -> list[dict[str, Any]]:
    """Give the program's mounts: its evidence, its memory, its data."""
    found = [{"name": _volume_name("memory", path), "mountPath": path} for path in container.tmpfs]
    match deployment.evidence:
        case PlatformSocket():
            found.append({"name": _PLATFORM_VOLUME, "mountPath": PLATFORM_SOCKET})
        case SidecarAesmd():
            found.append({"name": AESMD_VOLUME, "mountPath": AESMD_DIRECTORY})
        case HostAesmd() if flavour != "intel-webhook":  # which mounts it itself
            found.append({"name": AESMD_VOLUME, "mountPath": AESMD_DIRECTORY})
        case _:
            pass
    return found + [{"name": _volume_name("data", path), "mountPath": path} for path in deployment.image.volumes]


def pod_volumes(deployment: Deployment, flavour: Flavour, container: Container) -> list[dict[str, Any]]:
    """Give what the program's mounts are made of; data without a name comes from the claims of a StatefulSet."""
    found: list[dict[str, Any]] = []
    match deployment.evidence:
        case PlatformSocket(path=path):
            found.append({"name": _PLATFORM_VOLUME, "hostPath": {"path": path, "type": "Socket"}})
        case HostAesmd(directory=directory) if flavour != "intel-webhook":
            found.append({"name": AESMD_VOLUME, "hostPath": {"path": directory, "type": "Directory"}})
        case _:
            pass
    found += [{"name": _volume_name("memory", path), "emptyDir": {"medium": "Memory"}} for path in container.tmpfs]
    claims = {volume.path: {"claimName": volume.name} for volume in deployment.volumes}
    return found + [
        {"name": _volume_name("data", path), "persistentVolumeClaim": claims[path]}
        for path in deployment.image.volumes
        if path in claims
    ]


def claims(deployment: Deployment, storage: int) -> list[dict[str, Any]]:
    """Give a claim of `storage` bytes for each of the image's volumes that has no name: each replica gets its own."""
    named = {volume.path for volume in deployment.volumes}
    return [
        {
            "metadata": {"name": _volume_name("data", path)},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": str(storage)}}},
        }
        for path in deployment.image.volumes
        if path not in named
    ]


def literal(value: str) -> str:
    """Give an environment's value with what Kubernetes would put another variable's value into escaped."""
    return value.replace("$(", "$$(")


def _volume_name(kind: str, path: str) -> str:
    """Give the path as a DNS label: what Kubernetes takes as a volume's name."""
    letters = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in path.lower())
    return f"{kind}-{letters.strip('-')}".rstrip("-")[:63].rstrip("-")


def _resources(container: Container, sgx: dict[str, str]) -> dict[str, Any]:
    plain: dict[str, str] = {}
    if container.resources.memory is not None:
        plain["memory"] = str(container.resources.memory)
    if container.resources.cpus is not None:
        plain["cpu"] = f"{round(container.resources.cpus * 1000)}m"
    if not (plain or sgx):
        return {}
    return {"limits": {**plain, **sgx}, "requests": {**plain, **sgx}}


def _probes(health: HealthCheck | None, ports: tuple[int, ...]) -> dict[str, Any]:
    """Give the probes: the image's own check, or else whether the first port takes connections.

    The program is asked only after it has once been well, and it has activated by then: `startupProbe` waits for that.
    """
    if health is None and not ports:
        return {}
    if health is None:
        how: dict[str, Any] = {"tcpSocket": {"port": ports[0]}}
        health = HealthCheck(command=(), interval=10, timeout=5, start_period=60, retries=3)
    else:
        how = {"exec": {"command": list(health.command)}}
    often = {**how, "periodSeconds": health.interval, "timeoutSeconds": health.timeout}
    first = {**how, "periodSeconds": 1, "timeoutSeconds": health.timeout}
    return {
        "startupProbe": {**first, "failureThreshold": health.start_period + health.interval * health.retries},
        "readinessProbe": {**often, "failureThreshold": 1},
        "livenessProbe": {**often, "failureThreshold": health.retries},
    }
