"""Activation: evidence in, sealed secrets out, and between them a record of it that is already durable."""

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.orm import Session

from caisson.errors import (
    BindingRejected,
    Malformed,
    Rejected,
    SealBroken,
    Unavailable,
    Unknown,
    UsageError,
)
from caisson.evidence import VerifiedActivation, evidence_extension
from caisson.keyserver.allowance import Allowance
from caisson.keyserver.bundling import MOST_ANSWER, assemble
from caisson.keyserver.collaterals import Collaterals
from caisson.keyserver.operator import decode_workload
from caisson.keyserver.records import RecordInfo
from caisson.keyserver.secret import Secret
from caisson.keyserver.server import KeyServer
from caisson.keyserver.workload import Workload, read_policy
from caisson.protocol import ActivationEvidence, RuntimeData, seal_bundle, sign_challenge

_MOST_REASON = 2000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Activations:
    """The guests' side of the key server: challenges and activations. Whoever takes requests asks `allowance` first."""

    server: KeyServer
    collaterals: Collaterals
    allowance: Allowance = field(default_factory=Allowance)

    def challenge(self) -> bytes:
        """Give a signed challenge: the answer to `POST /v1/challenges`.

        Raises:
            TooMany: too many are open.
        """
        server = self.server
        nonce, expires = server.challenges.issue(now=server.now())
        return sign_challenge(nonce, expires=expires, key=server.identity)

    def activate(self, raw: bytes, *, client: Hashable = None) -> bytes:
        """Judge one activation of a client and give the sealed bundle: the answer to `POST /v1/activations`.

        The plan (docs/reference/protocol.md, 3):

        1. The message is well-formed. What it says is only claimed so far.
        2. Its nonce is ours and fresh, and is spent now, whatever comes of the attempt.
        3. It was made for this server.
        4. The workload exists.
        5. The quote is genuine, bound to these runtime data, and what the workload's policy accepts.
        6. In one transaction: the workload is still the one that was appraised; its bundle is filled, its certificate
           signed, the answer sealed to the guest, and the audit record written, which names the answer's hash.
        7. When that is durable, and not before, the answer leaves.

        A refusal after step 2 is written into the audit log too, before it is told.

        Raises:
            Malformed: 1.
            NonceRejected: 2.
            BindingRejected: 3.
            Unknown: 4.
            Rejected: 5, one of its kinds for each reason.
            Unavailable: no verdict could be reached, or it could not be recorded.
        """
        # 1. The message.
        evidence = ActivationEvidence.parse(raw)
        claims = RuntimeData.parse(evidence.runtime_data)
        # 2. The nonce.
        self.server.challenges.consume(claims.nonce, now=self.server.now())
        try:
            answer = self._judge(evidence, claims, client)
        except (Rejected, Unavailable) as refusal:
            reason = _cut(refusal.message)
            self._record_refusal(evidence, claims, kind=type(refusal).__name__, reason=reason)
            _log.warning("workload %s: refused: %s", claims.workload, reason)
            raise
        _log.info("workload %s: activated", claims.workload)
        return answer

    def _judge(self, evidence: ActivationEvidence, claims: RuntimeData, client: Hashable) -> bytes:
        server = self.server
        # 3. The server.
        if claims.server_key_hash != server.face.key_hash:
            raise BindingRejected(f"evidence was made for the server {claims.server_key_hash}")
        # 4. The workload.
        with server.store.read() as session:
            appraised, document = _opened(lambda: server.workloads.get(session, claims.workload))
        workload = decode_workload(document)
        # 5. The evidence.
        at = datetime.fromtimestamp(server.now(), UTC)
        verified = self.collaterals.verify(evidence, read_policy(workload.policy), at=at, client=client)
        # 6. The answer and its record.
        with server.store.write() as session:
            current, _ = _opened(lambda: server.workloads.get(session, claims.workload))
            if current.version != appraised.version:
                raise Unavailable(f"workload `{claims.workload}` was changed meanwhile", hint="try again")
            # 7. Leaving the block commits; if that fails, it raises instead of returning.
            return self._release(session, current, workload, verified, evidence, at=at)

    def _release(
        self,
        session: Session,
        info: RecordInfo,
        workload: Workload,
        verified: VerifiedActivation,
        evidence: ActivationEvidence,
        *,
        at: datetime,
    ) -> bytes:
        server, data = self.server, verified.runtime_data
        released: dict[str, int] = {}

        def secret(name: str) -> Secret:
            found, value = server.secrets.get(session, name)
            released[name] = found.version
            return value

        leaf = server.ca.issue_workload(
            workload.name,
            workload.certificate.subject_names,
            public_key=data.tls_public_key,
            evidence=evidence_extension(evidence),
            at=at,
            lifetime=workload.certificate.lifetime,
        )
        expires = int(leaf.not_valid_after_utc.timestamp())
        try:
            bundle = assemble(
                workload,
                secret,
                certificate_chain=(leaf.public_bytes(Encoding.DER), server.face.ca_certificate),
                expires=expires,
            )
        except (Malformed, SealBroken, Unknown, UsageError) as cause:
            # The guest cannot mend this, and the names of secrets are none of its business; the log is the operator's.
            _log.warning("workload %s: %s", workload.name, cause)
            raise Unavailable(
                f"workload `{workload.name}` cannot be provisioned now",
                hint="its operator finds why in the log of the key server",
            ) from cause
        answer = seal_bundle(
            bundle, hpke_public_key=data.hpke_public_key, report_data=data.report_data, key=server.identity
        )
        if len(answer) > MOST_ANSWER:
            raise Unavailable(f"the bundle of workload `{workload.name}` is too large")
        self._record(
            session,
            "activation-released",
            evidence,
            data,
            {
                "workload_version": info.version,
                "policy_sha256": sha256(workload.policy.encode()).hexdigest(),
                "secrets": released,
                "certificate_serial": f"{leaf.serial_number:x}",
                "certificate_expires": expires,
                "answer_sha256": sha256(answer).hexdigest(),
                **_findings(verified),
            },
        )
        return answer

    def _record_refusal(self, evidence: ActivationEvidence, claims: RuntimeData, *, kind: str, reason: str) -> None:
        with self.server.store.write() as session:
            self._record(session, "activation-refused", evidence, claims, {"refusal": kind, "reason": reason})

    def _record(
        self,
        session: Session,
        kind: str,
        evidence: ActivationEvidence,
        data: RuntimeData,
        details: dict[str, Any],
    ) -> None:
        self.server.audit.append(
            session,
            kind,
            actor=f"guest:{data.workload}",
            now=self.server.now(),
            details={
                "workload": data.workload,
                "nonce": str(data.nonce),
                "quote_sha256": sha256(evidence.quote).hexdigest(),
                "runtime_data_sha512": str(data.report_data),
                "tls_key_sha256": sha256(data.tls_public_key).hexdigest(),
                **details,
            },
        )


def _cut(message: str) -> str:
    """Bound what is kept of a message: a certificate that anybody made may have a name of 40 KB."""
    return message.encode(errors="backslashreplace")[:_MOST_REASON].decode(errors="ignore")


def _findings(verified: VerifiedActivation) -> dict[str, Any]:
    quote = verified.quote
    return {
        "mrenclave": str(quote.report.mr_enclave),
        "mrsigner": str(quote.report.mr_signer),
        "isv_prod_id": quote.report.isv_prod_id,
        "isv_svn": quote.report.isv_svn,
        "root": str(quote.root),
        "tcb_status": quote.tcb.status.value,
        "advisories": sorted(quote.tcb.advisories),
        "fmspc": str(quote.pck.fmspc),
    }


def _opened(get: Callable[[], tuple[RecordInfo, Secret]]) -> tuple[RecordInfo, Secret]:
    try:
        return get()
    except SealBroken as cause:
        raise Unavailable("the store is damaged", hint="its operator must restore it from a backup") from cause
