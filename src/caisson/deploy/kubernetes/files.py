"""Kubernetes objects as files: one for `kubectl apply`, a base for Kustomize."""

from typing import Any

from caisson.deploy import yaml
from caisson.deploy.deployment import Deployment
from caisson.deploy.files import File
from caisson.deploy.kubernetes.flavour import Flavour
from caisson.deploy.kubernetes.objects import KubernetesOptions, kubernetes_objects

MANIFEST = "kubernetes.yaml"

_WARNING = (
    "WARNING: evidence of a software platform. It protects nothing: whoever runs the node reads the program's memory."
)


def kubernetes_manifest(deployment: Deployment, options: KubernetesOptions) -> tuple[File, ...]:
    """Give `kubernetes.yaml`.

    Raises:
        UsageError: something that Kubernetes would ignore, or could not do.
    """
    head = heading(
        "Made by `caisson deploy kubernetes`. Apply it with: kubectl apply --filename kubernetes.yaml", options
    )
    return (File(name=MANIFEST, text=documents(kubernetes_objects(deployment, options), head)),)


def kustomize_base(deployment: Deployment, options: KubernetesOptions) -> tuple[File, ...]:
    """Give a base for Kustomize: `kubernetes.yaml`, and the `kustomization.yaml` that names it.

    Raises:
        UsageError: something that Kubernetes would ignore, or could not do.
    """
    kind = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": [MANIFEST]}
    comment = "Made by `caisson deploy kustomize`. Apply it with: kubectl apply --kustomize DIRECTORY"
    return (
        File(name=MANIFEST, text=documents(kubernetes_objects(deployment, options), heading(comment, options))),
        File(name="kustomization.yaml", text=yaml.encode(kind, comment=comment)),
    )


def heading(comment: str, options: KubernetesOptions) -> str:
    """Give a file's first comment, with a warning where there is no hardware."""
    software: Flavour = "nodevice"
    return f"{comment}\n{_WARNING}" if options.flavour == software else comment


def documents(objects: list[dict[str, Any]], comment: str) -> str:
    """Write objects as a stream of YAML documents."""
    return "---\n".join(yaml.encode(each, comment=comment if n == 0 else "") for n, each in enumerate(objects))
