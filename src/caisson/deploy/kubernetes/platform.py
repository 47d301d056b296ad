"""The software platform on every node, for clusters without SGX. It protects nothing, and says so wherever it can."""

from pathlib import PurePosixPath
from typing import Any

from caisson.deploy.evidence import PlatformSocket
from caisson.deploy.image import ImagePin
from caisson.deploy.kubernetes.locked_down import LOCKED_DOWN
from caisson.deploy.kubernetes.pod import PROTECTS_NOTHING
from caisson.errors import UsageError

PLATFORM_NAME = "caisson-software-platform"
COLLATERAL_PORT = 8701

_STATE = "/var/lib/caisson-software-platform"


def platform_objects(image: ImagePin, evidence: PlatformSocket) -> list[dict[str, Any]]:
    """Give a DaemonSet that offers the socket on each node, and a Service with the platform's collateral.

    Each node is a machine of its own, with a root of its own: with several, each root must be in the policy.

    Raises:
        UsageError: the socket lies in the host's root directory.
    """
    socket = PurePosixPath(evidence.path)
    if str(socket.parent) in ("/", "/run", "/var/run"):
        raise UsageError(
            f"the platform would get all of `{socket.parent}`", hint="name a socket in a directory of its own"
        )
    labels = {"app.kubernetes.io/name": PLATFORM_NAME}
    annotations = {PROTECTS_NOTHING: "nothing"}
    metadata = {"name": PLATFORM_NAME, "labels": labels, "annotations": annotations}
    arguments = ["platform", "serve", "--state", f"{_STATE}/state", "--socket", str(socket), "--socket-mode", "666"]
    container = {
        "name": PLATFORM_NAME,
        "image": str(image),
        "imagePullPolicy": "IfNotPresent",
        "args": [*arguments, "--pcs", f"0.0.0.0:{COLLATERAL_PORT}"],
        "ports": [{"name": "collateral", "containerPort": COLLATERAL_PORT, "protocol": "TCP"}],
        "securityContext": {**LOCKED_DOWN, "runAsUser": 0},  # the directories are the node's root's
        "readinessProbe": {"tcpSocket": {"port": COLLATERAL_PORT}},
        "volumeMounts": [
            {"name": "socket", "mountPath": str(socket.parent)},
            {"name": "state", "mountPath": _STATE},
            {"name": "temporary", "mountPath": "/tmp"},  # noqa: S108 - inside its container
        ],
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
        "volumes": [
            {"name": "socket", "hostPath": {"path": str(socket.parent), "type": "DirectoryOrCreate"}},
            {"name": "state", "hostPath": {"path": _STATE, "type": "DirectoryOrCreate"}},
            {"name": "temporary", "emptyDir": {"medium": "Memory"}},
        ],
    }
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod}
    port = {"port": COLLATERAL_PORT, "targetPort": COLLATERAL_PORT}
    ports = [{"name": "collateral", **port, "protocol": "TCP"}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"type": "ClusterIP", "selector": labels, "ports": ports},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": metadata,
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        },
    ]
