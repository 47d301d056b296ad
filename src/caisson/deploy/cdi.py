"""SGX devices for engines that know CDI, the Container Device Interface (specification 0.5; 0.7 for groups)."""

import json
from typing import Any

from caisson.deploy.application import CDI_KIND, ENCLAVE_DEVICE, PROVISION_DEVICE
from caisson.deploy.deployment import SgxDevices
from caisson.deploy.files import File


def cdi_specification(devices: SgxDevices) -> tuple[File, ...]:
    """Give `sgx.json`, for `/etc/cdi`: the device `enclave` is for programs, `provision` for aesmd only."""
    edits: dict[str, Any] = {} if devices.group is None else {"additionalGids": [devices.group]}
    document = {
        "cdiVersion": "0.5.0" if devices.group is None else "0.7.0",
        "kind": CDI_KIND,
        "devices": [
            {"name": "enclave", "containerEdits": {"deviceNodes": [_node(ENCLAVE_DEVICE, devices.enclave)], **edits}},
            {"name": "provision", "containerEdits": {"deviceNodes": [_node(PROVISION_DEVICE, devices.provision)]}},
        ],
    }
    return (File(name="sgx.json", text=json.dumps(document, indent=2) + "\n"),)


def _node(inside: str, host: str) -> dict[str, str]:
    return {"path": inside, "hostPath": host, "permissions": "rw"}
