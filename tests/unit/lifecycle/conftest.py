"""Containers and records as they would be, of one enclave unless a test says otherwise."""

from datetime import UTC, datetime

import pytest

from caisson.engine import ContainerState
from caisson.keyserver import AuditDigest, AuditRecord
from caisson.lifecycle import Confidential, SignedEnclave
from caisson.sgx import MrEnclave, MrSigner

START = 1_795_435_200
ENCLAVE = SignedEnclave(
    mr_enclave=MrEnclave(b"e" * 32), mr_signer=MrSigner(b"s" * 32), isv_prod_id=17, isv_svn=1, debug=False
)


def state(name="redis", *, started=START + 0.5, ended=None, **changes):
    fields = {
        "container_id": f"id-of-{name}",
        "name": name,
        "image": f"caisson/{name}:latest",
        "image_id": "sha256:" + "ab" * 32,
        "labels": {},
        "environment": {"CAISSON_WORKLOAD": "redis", "CAISSON_KEY_SERVER": "https://keys.test"},
        "entrypoint": ("/.caisson/premain",),
        "status": "running" if ended is None else "exited",
        "health": None,
        "pid": 7,
        "exit_code": 0,
        "started": None if started is None else datetime.fromtimestamp(started, UTC),
        "ended": None if ended is None else datetime.fromtimestamp(ended, UTC),
        "restarts": 0,
        "terminal": False,
        "ports": {},
    }
    return ContainerState(**fields | changes)


def confidential(name="redis", *, enclave=ENCLAVE, tls_key=None, **changes):
    return Confidential(state=state(name, **changes), enclave=enclave, tls_key=tls_key)


def record(sequence, time, kind="activation-released", **details):
    found = {
        "workload": "redis",
        "workload_version": 2,
        "policy_sha256": "9f" * 32,
        "mrenclave": str(ENCLAVE.mr_enclave),
        "mrsigner": str(ENCLAVE.mr_signer),
        "isv_prod_id": 17,
        "isv_svn": 1,
        "root": "77" * 32,
        "tcb_status": "UpToDate",
        "tls_key_sha256": f"{sequence:064x}",
        "server_key_sha256": "cd" * 32,
    }
    digest = AuditDigest(bytes(32))
    return AuditRecord(
        sequence=sequence,
        time=time,
        kind=kind,
        actor="guest:redis",
        details=found | details,
        previous=digest,
        digest=digest,
    )


@pytest.fixture
def make():
    """The makers above."""

    class Makers:
        start = START
        enclave = ENCLAVE
        confidential = staticmethod(confidential)
        record = staticmethod(record)

    return Makers
