"""Intel's aesmd as a container of the pod: its socket is in memory that only the pod has, so no path of the host is."""

from typing import Any

from caisson.deploy.application import AESMD_VOLUME
from caisson.deploy.evidence import AESMD_DIRECTORY, SidecarAesmd
from caisson.deploy.kubernetes.flavour import ENCLAVE_RESOURCE, EPC_RESOURCE, PROVISION_RESOURCE
from caisson.deploy.kubernetes.locked_down import LOCKED_DOWN

AESMD_NAME = AESMD_VOLUME

_CONFIGURATION = "aesmd-configuration"
_STATE = "aesmd-state"
_FILES = ("sgx_default_qcnl.conf", "aesmd.conf")
_EPC = 16 << 20  # for Intel's quoting enclave and provisioning certification enclave


def aesmd_container(evidence: SidecarAesmd) -> dict[str, Any]:
    """Give its container, the only one with `/dev/sgx_provision` (never tried on SGX: docs/reference/kubernetes.md)."""
    sgx = {ENCLAVE_RESOURCE: "1", PROVISION_RESOURCE: "1", EPC_RESOURCE: str(_EPC)}
    mounts = [
        {"name": AESMD_VOLUME, "mountPath": AESMD_DIRECTORY},
        {"name": _STATE, "mountPath": "/var/opt/aesmd"},
        *({"name": _CONFIGURATION, "mountPath": f"/etc/{name}", "subPath": name, "readOnly": True} for name in _FILES),
    ]
    return {
        "name": AESMD_NAME,
        "image": str(evidence.image),
        "imagePullPolicy": "IfNotPresent",
        "securityContext": LOCKED_DOWN,
        "resources": {"limits": sgx, "requests": sgx},
        "volumeMounts": mounts,
        "readinessProbe": {"exec": {"command": ["test", "-S", f"{AESMD_DIRECTORY}/aesm.socket"]}, "periodSeconds": 5},
    }


def aesmd_volumes(name: str) -> list[dict[str, Any]]:
    """Give its volumes."""
    return [
        {"name": AESMD_VOLUME, "emptyDir": {"medium": "Memory"}},
        {"name": _STATE, "emptyDir": {}},
        {"name": _CONFIGURATION, "configMap": {"name": configuration_name(name)}},
    ]


def configuration_name(name: str) -> str:
    """Give the name of a deployment's ConfigMap for aesmd."""
    return f"{name}-aesmd"
