"""Deployments on Kubernetes: objects, and the files that carry them."""

from caisson.deploy.kubernetes.files import kubernetes_manifest, kustomize_base
from caisson.deploy.kubernetes.flavour import Flavour
from caisson.deploy.kubernetes.helm import helm_chart
from caisson.deploy.kubernetes.objects import KubernetesOptions, kubernetes_objects

__all__ = ["Flavour", "KubernetesOptions", "helm_chart", "kubernetes_manifest", "kubernetes_objects", "kustomize_base"]
