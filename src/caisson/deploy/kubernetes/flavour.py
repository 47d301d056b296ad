"""Who gives pods their SGX devices, and what each of them wants to be asked."""

from typing import Literal

from caisson.deploy.deployment import Deployment
from caisson.deploy.evidence import HostAesmd, PlatformAddress, PlatformSocket, SidecarAesmd
from caisson.errors import UsageError

Flavour = Literal["intel-webhook", "intel-plain", "aks", "sidecar", "nodevice"]

ENCLAVE_RESOURCE = "sgx.intel.com/enclave"
PROVISION_RESOURCE = "sgx.intel.com/provision"
EPC_RESOURCE = "sgx.intel.com/epc"  # in bytes

_PROVIDERS = {
    "intel-webhook": (HostAesmd, "aesmd as a service of the nodes (`--aesmd`)"),
    "intel-plain": (HostAesmd, "aesmd as a service of the nodes (`--aesmd`)"),
    "aks": (HostAesmd, "aesmd as a service of the nodes (`--aesmd`)"),
    "sidecar": (SidecarAesmd, "aesmd beside the program (`--aesmd-image`)"),
    "nodevice": (PlatformSocket | PlatformAddress, "a software platform (`--platform-socket`, `--platform-address`)"),
}


def require_provider(deployment: Deployment, flavour: Flavour) -> None:
    """Refuse a flavour whose evidence comes from somebody else than the deployment says.

    Raises:
        UsageError: they do not fit.
    """
    kind, words = _PROVIDERS[flavour]
    if not isinstance(deployment.evidence, kind):
        raise UsageError(
            f"the flavour `{flavour}` takes its evidence from {words}", hint="name that, or another flavour"
        )


def sgx_limits(flavour: Flavour, enclave_size: int | None) -> dict[str, str]:
    """Give the extended resources that the program's container asks for (Intel device plugins 0.36; AKS `confcom`).

    Raises:
        UsageError: the enclave's size is not known.
    """
    if flavour == "nodevice":
        return {}
    if enclave_size is None:
        raise UsageError("the size of the enclave is not known", hint="read the image's manifest")
    # Intel's webhook, and that of AKS, turn the page cache into the device.
    device = {ENCLAVE_RESOURCE: "1"} if flavour in ("intel-plain", "sidecar") else {}
    return {**device, EPC_RESOURCE: str(enclave_size)}


def pod_annotations(flavour: Flavour) -> dict[str, str]:
    """Give what a flavour's webhook reads of the pod: where quotes come from."""
    return {"sgx.intel.com/quote-provider": "aesmd"} if flavour == "intel-webhook" else {}


def tolerations(flavour: Flavour) -> list[dict[str, str]]:
    """Give the taints that nodes with SGX have."""
    if flavour != "aks":
        return []
    return [{"key": "kubernetes.azure.com/sgx_epc_mem_in_MiB", "operator": "Exists", "effect": "NoSchedule"}]
