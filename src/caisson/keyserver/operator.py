"""What operators do. Each deed and its audit record are one transaction: both are durable, or neither happened."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from caisson.errors import UsageError
from caisson.keyserver.audit import AuditHead
from caisson.keyserver.bundling import assemble
from caisson.keyserver.generation import Generation
from caisson.keyserver.records import RecordInfo
from caisson.keyserver.secret import MAX_SECRET_SIZE, Secret, check_secret_name
from caisson.keyserver.server import KeyServer
from caisson.keyserver.tokens import TokenInfo
from caisson.keyserver.workload import Workload
from caisson.protocol import canonical

GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Operator:
    """An authenticated operator at work; `name` is the one in the audit log."""

    server: KeyServer
    name: str

    @classmethod
    def authenticate(cls, server: KeyServer, token: Secret) -> "Operator":
        """Tell who holds a token.

        Raises:
            TokenRejected: nobody.
        """
        with server.store.read() as session:
            return cls(server, server.tokens.authenticate(session, token))

    def set_workload(self, workload: Workload) -> RecordInfo:
        """Store a workload, after a rehearsal with the secrets of this moment.

        Raises:
            Unknown: it names a secret that does not exist.
            UsageError: a secret does not fit where it should go.
        """
        server, document = self.server, encode_workload(workload)
        with server.store.write() as session:
            assemble(workload, lambda name: server.secrets.get(session, name)[1])
            info = server.workloads.put(session, workload.name, document, label="workload", now=server.now())
            self._record(
                session,
                "workload-set",
                {
                    "workload": workload.name,
                    "version": info.version,
                    "document_sha256": sha256(document.reveal()).hexdigest(),
                    "policy_sha256": sha256(workload.policy.encode()).hexdigest(),
                    "secrets": sorted(workload.secrets),
                    "certificate_lifetime_hours": workload.certificate.lifetime_hours,
                },
            )
        return info

    def workload(self, name: str, version: int | None = None) -> tuple[RecordInfo, Workload]:
        """Give a workload, by default in its newest version.

        Raises:
            Unknown: there is none.
        """
        with self.server.store.read() as session:
            info, document = self.server.workloads.get(session, name, version)
        return info, decode_workload(document)

    def workloads(self) -> tuple[RecordInfo, ...]:
        """List all workloads."""
        with self.server.store.read() as session:
            return self.server.workloads.current(session)

    def remove_workload(self, name: str) -> None:
        """End a workload; its older versions stay readable, because the audit log speaks of them.

        Raises:
            Unknown: there is none.
        """
        with self.server.store.write() as session:
            version = self.server.workloads.remove(session, name, now=self.server.now(), erase=False)
            self._record(session, "workload-removed", {"workload": name, "version": version})

    def set_secret(self, name: str, value: Secret) -> RecordInfo:
        """Store the next version of a secret.

        Raises:
            UsageError: empty, too large, or a name that no secret may have.
        """
        if not 0 < len(value) <= MAX_SECRET_SIZE:
            raise UsageError(f"a secret has 1 to {MAX_SECRET_SIZE} bytes, not {len(value)}")
        return self._put_secret(name, value, kind=GIVEN, audit="secret-set")[0]

    def generate_secret(self, name: str, generation: Generation, *, if_absent: bool = False) -> tuple[RecordInfo, bool]:
        """Make the next version of a secret, and tell whether it was made; with `if_absent` an existing one is kept.

        Raises:
            UsageError: a name that no secret may have.
        """
        return self._put_secret(
            name, generation.make(), kind=generation.kind.value, audit="secret-generated", if_absent=if_absent
        )

    def secret_info(self, name: str) -> RecordInfo:
        """Tell what may be known of a secret.

        Raises:
            Unknown: there is none.
        """
        with self.server.store.read() as session:
            return self.server.secrets.get(session, check_secret_name(name))[0]

    def secrets(self) -> tuple[RecordInfo, ...]:
        """List all secrets, without their values."""
        with self.server.store.read() as session:
            return self.server.secrets.current(session)

    def reveal_secret(self, name: str, version: int | None = None) -> tuple[RecordInfo, Secret]:
        """Give a secret's value; the audit log says so before anyone has it.

        Raises:
            Unknown: there is none.
        """
        with self.server.store.write() as session:
            info, value = self.server.secrets.get(session, check_secret_name(name), version)
            self._record(session, "secret-revealed", {"secret": name, "version": info.version})
        return info, value

    def remove_secret(self, name: str) -> None:
        """Destroy all versions of a secret.

        Raises:
            Unknown: there is none.
            UsageError: a workload needs it.
        """
        server = self.server
        with server.store.write() as session:
            users = [info.name for info in server.workloads.current(session) if name in self._needs(session, info.name)]
            if users:
                raise UsageError(
                    f"secret `{name}` is needed by {', '.join(f'`{user}`' for user in users)}",
                    hint="change or remove the workload first",
                )
            version = server.secrets.remove(session, check_secret_name(name), now=server.now(), erase=True)
            self._record(session, "secret-removed", {"secret": name, "version": version})

    def create_token(self, name: str) -> tuple[TokenInfo, Secret]:
        """Make a token for another operator.

        Raises:
            UsageError: nobody may be called so.
        """
        server = self.server
        with server.store.write() as session:
            info, token = server.tokens.create(session, name, now=server.now())
            self._record(session, "token-created", {"token": info.identifier, "name": info.name})
        return info, token

    def tokens(self) -> tuple[TokenInfo, ...]:
        """List the valid tokens."""
        with self.server.store.read() as session:
            return self.server.tokens.current(session)

    def revoke_token(self, identifier: str) -> None:
        """End a token.

        Raises:
            Unknown: there is none.
        """
        with self.server.store.write() as session:
            self.server.tokens.revoke(session, identifier, now=self.server.now())
            self._record(session, "token-revoked", {"token": identifier})

    def audit_lines(self, *, after: int, limit: int) -> tuple[bytes, ...]:
        """Give a page of the audit log, in exact bytes."""
        with self.server.store.read() as session:
            return self.server.audit.lines(session, after=after, limit=limit)

    def audit_head(self) -> dict[str, Any]:
        """Give the audit log's head, signed by the server at this moment."""
        with self.server.store.read() as session:
            head: AuditHead = self.server.audit.head(session)
        return head.sign(now=self.server.now(), key=self.server.identity)

    def _put_secret(
        self, name: str, value: Secret, *, kind: str, audit: str, if_absent: bool = False
    ) -> tuple[RecordInfo, bool]:
        server = self.server
        check_secret_name(name)
        with server.store.write() as session:
            if if_absent and (found := server.secrets.find(session, name)) is not None:
                return found, False
            info = server.secrets.put(session, name, value, label=kind, now=server.now())
            self._record(session, audit, {"secret": name, "version": info.version, "kind": kind})
        return info, True

    def _needs(self, session: Session, workload: str) -> frozenset[str]:
        return decode_workload(self.server.workloads.get(session, workload)[1]).secrets

    def _record(self, session: Session, kind: str, details: dict[str, Any]) -> None:
        actor = f"operator:{self.name}"
        self.server.audit.append(session, kind, actor=actor, now=self.server.now(), details=details)


def encode_workload(workload: Workload) -> Secret:
    """Give a workload's canonical document. It is sealed like a secret: who could change it could release secrets."""
    return Secret(canonical.encode(workload.model_dump(mode="json")))


def decode_workload(document: Secret) -> Workload:
    """Read a document that `encode_workload` wrote."""
    return Workload.parse(canonical.decode(document.reveal(), what="workload"))
