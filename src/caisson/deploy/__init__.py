"""One description of a deployment, and pure functions from it to each platform's own files."""

from caisson.deploy.application import CDI_ENCLAVE, LABEL, PLATFORM_SOCKET, application, environment
from caisson.deploy.cdi import cdi_specification
from caisson.deploy.companion import BESIDE_LABEL, Companion, network_of
from caisson.deploy.compose import compose_project
from caisson.deploy.container import Container, Device, Mount
from caisson.deploy.deployment import Deployment, Publish, Resources, Restart, SgxDevices
from caisson.deploy.engine_request import create_request
from caisson.deploy.evidence import Evidence, HostAesmd, PlatformAddress, PlatformSocket, SidecarAesmd
from caisson.deploy.exposure import exposures
from caisson.deploy.files import File
from caisson.deploy.identity import EnclaveIdentity
from caisson.deploy.image import HealthCheck, ImagePin, MeasuredImage, Runtime
from caisson.deploy.kubernetes import (
    Flavour,
    KubernetesOptions,
    helm_chart,
    kubernetes_manifest,
    kubernetes_objects,
    kustomize_base,
)
from caisson.deploy.run_line import run_script
from caisson.deploy.stack import EPC_RESOURCE, epc_units, stack
from caisson.deploy.swarm_node import RUNTIME_NAME, runtime_program, with_runtime, without_runtime
from caisson.deploy.upgrade import Change, PolicyVerdict, Upgrade, compare
from caisson.deploy.upgrade_steps import PlatformName, Step, policy_files, steps
from caisson.deploy.volume import Volume

__all__ = [
    "BESIDE_LABEL",
    "CDI_ENCLAVE",
    "EPC_RESOURCE",
    "LABEL",
    "PLATFORM_SOCKET",
    "RUNTIME_NAME",
    "Change",
    "Companion",
    "Container",
    "Deployment",
    "Device",
    "EnclaveIdentity",
    "Evidence",
    "File",
    "Flavour",
    "HealthCheck",
    "HostAesmd",
    "ImagePin",
    "KubernetesOptions",
    "MeasuredImage",
    "Mount",
    "PlatformAddress",
    "PlatformName",
    "PlatformSocket",
    "PolicyVerdict",
    "Publish",
    "Resources",
    "Restart",
    "Runtime",
    "SgxDevices",
    "SidecarAesmd",
    "Step",
    "Upgrade",
    "Volume",
    "application",
    "cdi_specification",
    "compare",
    "compose_project",
    "create_request",
    "environment",
    "epc_units",
    "exposures",
    "helm_chart",
    "kubernetes_manifest",
    "kubernetes_objects",
    "kustomize_base",
    "network_of",
    "policy_files",
    "run_script",
    "runtime_program",
    "stack",
    "steps",
    "with_runtime",
    "without_runtime",
]
