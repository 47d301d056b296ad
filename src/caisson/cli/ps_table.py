"""How `caisson ps` shows what it found."""

import signal
from typing import Any

from caisson.cli.connection import moment
from caisson.cli.table import table
from caisson.engine import ContainerState
from caisson.lifecycle import Attestation, Binding, CertificateState, Confidential

_SHORT = 12
_BY_SIGNAL = 128
_PREMAIN = range(81, 100)  # docs/reference/premain.md
_HEADING = (
    "NAME",
    "STATE",
    "IMAGE",
    "RUNTIME",
    "MRENCLAVE",
    "MRSIGNER",
    "PRODUCT",
    "ATTESTED",
    "POLICY",
    "CERTIFICATE",
)


def data(container: Confidential, found: Attestation, versions: dict[str, int], *, at: float) -> dict[str, Any]:
    """Give all that is known of a container at a time; `versions` are the newest of each workload."""
    state, enclave, activation = container.state, container.enclave, found.activation
    certificate = _certificate_state(container, found, at)
    return {
        "name": container.name,
        "beside": container.beside,
        "id": state.container_id,
        "image": state.image,
        "image_id": state.image_id,
        "image_names": list(container.image_names),
        "runtime": container.runtime,
        "status": state.status,
        "health": state.health,
        "exit_code": None if state.running else state.exit_code,
        "restarts": state.restarts,
        "started": None if state.started is None else state.started.isoformat(),
        "ended": None if state.ended is None else state.ended.isoformat(),
        "workload": container.workload,
        "key_server": container.key_server,
        "enclave": None
        if enclave is None
        else {
            "mrenclave": str(enclave.mr_enclave),
            "mrsigner": str(enclave.mr_signer),
            "isv_prod_id": enclave.isv_prod_id,
            "isv_svn": enclave.isv_svn,
            "debug": enclave.debug,
        },
        "attested": {
            "binding": found.binding.value,
            "others": list(found.others),
            "newest_workload_version": versions.get(container.workload),
            **(
                {}
                if activation is None
                else {
                    "time": activation.time,
                    "sequence": activation.sequence,
                    "workload_version": activation.workload_version,
                    "policy_sha256": activation.policy_sha256,
                    "root": activation.root,
                    "tcb_status": activation.tcb_status,
                    "certificate_expires": activation.certificate_expires,
                    "certificate": None if certificate is None else certificate.value,
                }
            ),
        },
    }


def text(
    containers: tuple[Confidential, ...],
    found: dict[str, Attestation],
    versions: dict[str, int],
    server: str | None,
    *,
    at: float,
) -> str:
    """Write a table for people; `server` is the hash of the key of the server whose log was read."""
    rows = [_HEADING, *(_row(one, found[one.name], versions, at) for one in containers)]
    lines = table(rows, empty="no confidential containers")
    return lines if server is None or not containers else f"{lines}\nattested by the key server {server}"


def _row(container: Confidential, found: Attestation, versions: dict[str, int], at: float) -> tuple[str, ...]:
    enclave = container.enclave
    return (
        container.name if container.beside is None else f"{container.name}, beside {container.beside}",
        _state(container.state),
        next(iter(container.image_names), _image(container.state)),
        container.runtime or "not its image's",
        *(
            ("none", "none", "none")
            if enclave is None
            else (
                str(enclave.mr_enclave)[:_SHORT],
                str(enclave.mr_signer)[:_SHORT],
                f"{enclave.isv_prod_id}, svn {enclave.isv_svn}{', debug' if enclave.debug else ''}",
            )
        ),
        _when(found),
        _policy(container, found, versions),
        _certificate(container, found, at),
    )


def _image(state: ContainerState) -> str:
    _, digest, short = state.image.partition("sha256:")
    return short[:_SHORT] if digest and "@" not in state.image else state.image


def _state(state: ContainerState) -> str:
    if state.running:
        return state.status if state.health is None else f"{state.status}, {state.health}"
    if state.status != "exited":
        return state.status
    if state.exit_code in _PREMAIN:
        return f"exited {state.exit_code}, before its program began"
    try:
        return f"exited {state.exit_code}, {signal.Signals(state.exit_code - _BY_SIGNAL).name}"
    except ValueError:
        return f"exited {state.exit_code}"


def _when(found: Attestation) -> str:
    activation = found.activation
    if activation is None:
        return _WITHOUT[found.binding]
    time = moment(activation.time)
    if found.others:
        return f"{time}, or {', '.join(found.others)}"
    return f"{time}, by its key" if found.binding is Binding.KEY else time


_WITHOUT = {
    Binding.UNKNOWN: "unknown",
    Binding.NONE: "not since it started",
    Binding.FOREIGN: "no: another key answers",
}


def _policy(container: Confidential, found: Attestation, versions: dict[str, int]) -> str:
    activation = found.activation
    if activation is None:
        return ""
    newest = versions.get(container.workload)
    version = f"version {activation.workload_version}"
    if newest is None:
        version += ", removed since"
    elif newest != activation.workload_version:
        version += f" of {newest}"
    return f"{activation.policy_sha256[:_SHORT]}, {version}"


def _certificate(container: Confidential, found: Attestation, at: float) -> str:
    state, activation = _certificate_state(container, found, at), found.activation
    if state is None or activation is None or activation.certificate_expires is None:
        return ""
    return _ENDS[state].format(moment(activation.certificate_expires))


_ENDS = {
    CertificateState.GOOD: "until {}",
    CertificateState.DUE: "until {}: start it again before",
    CertificateState.ENDED: "ended {}: start it again",
}


def _certificate_state(container: Confidential, found: Attestation, at: float) -> CertificateState | None:
    """Give the state of what a container shows its clients; one that does not run shows nothing."""
    if found.activation is None or not container.state.running:
        return None
    return found.activation.certificate(at=at)
