"""Activations, as a key server's audit log records them (docs/concepts/audit.md)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from caisson.keyserver import AuditRecord
from caisson.protocol import ServerKeyHash, canonical
from caisson.sgx import MrEnclave, MrSigner

RELEASED = "activation-released"
REFUSED = "activation-refused"
_EXPIRES = "certificate_expires"
_DUE = 4  # in the last quarter of its life a certificate is due


class CertificateState(StrEnum):
    """How a certificate stands to a time."""

    GOOD = "good"
    DUE = "due"  # it ends soon: the container should be started again before
    ENDED = "ended"  # clients refuse it


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """One release of a bundle; times in Unix seconds, `tls_key` the SHA-256 of the enclave's own key.

    Key servers did not always record when the certificate ends.
    """

    sequence: int
    time: int
    workload: str
    workload_version: int
    policy_sha256: str
    mr_enclave: MrEnclave
    mr_signer: MrSigner
    isv_prod_id: int
    isv_svn: int
    root: str
    tcb_status: str
    tls_key: str
    certificate_expires: int | None

    @classmethod
    def of(cls, record: AuditRecord) -> Self:
        """Read a record of the kind `RELEASED`.

        Raises:
            Malformed: it lacks something that such a record has.
        """
        details = canonical.Members(record.details, what="activation's record")
        return cls(
            sequence=record.sequence,
            time=record.time,
            workload=details.text("workload"),
            workload_version=details.integer("workload_version"),
            policy_sha256=details.text("policy_sha256"),
            mr_enclave=MrEnclave.from_hex(details.text("mrenclave")),
            mr_signer=MrSigner.from_hex(details.text("mrsigner")),
            isv_prod_id=details.integer("isv_prod_id"),
            isv_svn=details.integer("isv_svn"),
            root=details.text("root"),
            tcb_status=details.text("tcb_status"),
            tls_key=details.text("tls_key_sha256"),
            certificate_expires=details.integer(_EXPIRES) if _EXPIRES in record.details else None,
        )

    def certificate(self, *, at: float) -> CertificateState | None:
        """Tell how its certificate stands to a time in Unix seconds; None if nothing is known of its end."""
        if self.certificate_expires is None:
            return None
        left = self.certificate_expires - at
        if left <= 0:
            return CertificateState.ENDED
        return CertificateState.DUE if left * _DUE <= self.certificate_expires - self.time else CertificateState.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyServerLog:
    """The activations of a log whose chain was checked, in their order, and the server that wrote it."""

    server: ServerKeyHash | None
    activations: tuple[Activation, ...]

    @classmethod
    def read(cls, records: Iterable[AuditRecord]) -> Self:
        """Read a log.

        Raises:
            AuditRejected: its chain is broken (from `records`).
            Malformed: a record that is none.
        """
        server, found = None, []
        for record in records:
            if record.sequence == 0:
                server = ServerKeyHash.from_hex(
                    canonical.Members(record.details, what="first record").text("server_key_sha256")
                )
            if record.kind == RELEASED:
                found.append(Activation.of(record))
        return cls(server=server, activations=tuple(found))
