"""Intel's aesmd, and a PCCS, as containers beside the program (never tried on SGX: docs/reference/deploy.md)."""

import json
from typing import Any

from caisson.deploy.application import AESMD_VOLUME, ENCLAVE_DEVICE, PROVISION_DEVICE
from caisson.deploy.deployment import SgxDevices
from caisson.deploy.evidence import AESMD_DIRECTORY, Evidence, SidecarAesmd
from caisson.deploy.files import File
from caisson.deploy.interpolation import ask_for_group

AESMD_SERVICE = AESMD_VOLUME
PCCS_SERVICE = "pccs"
PCCS_SECRETS = ("config.json", "key.pem", "certificate.pem")

_QCNL, _CONFIGURATION = "sgx_default_qcnl.conf", "aesmd.conf"
_PCCS = "/opt/intel/pccs"
_PCCS_TARGETS = (f"{_PCCS}/config/default.json", f"{_PCCS}/ssl_key/private.pem", f"{_PCCS}/ssl_key/file.crt")
_LOCKED_DOWN = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}


def aesmd_services(evidence: SidecarAesmd, devices: SgxDevices) -> dict[str, Any]:
    """Give the services: aesmd, the only one with `/dev/sgx_provision`, and a PCCS if one is asked for."""
    groups = [
        str(devices.group) if devices.group is not None else ask_for_group("CAISSON_SGX_GROUP", devices.enclave),
        ask_for_group("CAISSON_SGX_PROVISION_GROUP", devices.provision),
    ]
    aesmd: dict[str, Any] = {
        "image": str(evidence.image),
        **_LOCKED_DOWN,
        "restart": "unless-stopped",
        "devices": [f"{devices.enclave}:{ENCLAVE_DEVICE}:rw", f"{devices.provision}:{PROVISION_DEVICE}:rw"],
        "group_add": groups,
        "tmpfs": ["/tmp:mode=1777,noexec,nosuid,nodev"],  # noqa: S108 - inside its container
        "volumes": [
            {"type": "volume", "source": AESMD_VOLUME, "target": AESMD_DIRECTORY},
            *(
                {"type": "bind", "source": f"./{name}", "target": f"/etc/{name}", "read_only": True}
                for name in (_QCNL, _CONFIGURATION)
            ),
        ],
        "healthcheck": {"test": ["CMD", "test", "-S", f"{AESMD_DIRECTORY}/aesm.socket"], "interval": "5s"},
    }
    if evidence.pccs_image is None:
        return {AESMD_SERVICE: aesmd}
    pccs: dict[str, Any] = {
        "image": str(evidence.pccs_image),
        **_LOCKED_DOWN,
        "restart": "unless-stopped",
        "volumes": [{"type": "volume", "source": PCCS_SERVICE, "target": f"{_PCCS}/cache"}],
        "secrets": [
            {"source": f"{PCCS_SERVICE}-{name}", "target": target}
            for name, target in zip(PCCS_SECRETS, _PCCS_TARGETS, strict=True)
        ],
    }
    return {AESMD_SERVICE: {**aesmd, "depends_on": [PCCS_SERVICE]}, PCCS_SERVICE: pccs}


def aesmd_files(evidence: Evidence) -> tuple[File, ...]:
    """Give what aesmd reads: where certificates are, and that it makes quotes for ECDSA."""
    if not isinstance(evidence, SidecarAesmd):
        return ()
    qcnl = {"pccs_url": evidence.certificates_url, "use_secure_cert": True}
    return (
        File(name=_QCNL, text=json.dumps(qcnl, indent=2) + "\n"),
        File(name=_CONFIGURATION, text="default quoting type = ecdsa_256\n"),
    )
