"""The audit log: a hash chain of canonical JSON records, which anyone who knows a later head can check.

A record is one line of canonical JSON. Its digest is the SHA-256 of the line, and the next record's
`previous`; the first record's `previous` is zeros. An export is these lines and nothing else, so
`sha256sum` is enough to check it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from caisson.abi import FixedBytes
from caisson.errors import AuditRejected, Malformed, SealBroken
from caisson.keyserver.model import AuditHeadRow, AuditRow
from caisson.keyserver.sealing import Place, RootKey
from caisson.keyserver.secret import Secret
from caisson.protocol import ServerKeyHash, canonical, decode_identity, envelope

HEAD_TYPE = "application/vnd.caisson.audit-head.v1+json"
VERSION = 1


class AuditDigest(FixedBytes):
    """SHA-256 of one audit record; of the last one, the log's head."""

    __slots__ = ()
    SIZE = 32


ORIGIN = AuditDigest(bytes(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """Where the log ends: the number of its last record, and that record's digest."""

    sequence: int
    digest: AuditDigest

    def sign(self, *, now: int, key: Ed25519PrivateKey) -> dict[str, Any]:
        """Give a DSSE envelope in which the server vouches for this head at this time."""
        payload = {"version": VERSION, "sequence": self.sequence, "digest": str(self.digest), "time": now}
        return envelope.sign(canonical.encode(payload), payload_type=HEAD_TYPE, key=key)

    @classmethod
    def verify(cls, signed: dict[str, Any], *, server_key: bytes) -> Self:
        """Read a head that the server with `server_key` (DER) signed.

        Raises:
            Malformed: not a signed head.
            SignatureRejected: signed by another server.
        """
        payload = envelope.verify(signed, payload_type=HEAD_TYPE, key=decode_identity(server_key))
        members = canonical.Members(canonical.decode(payload, what="audit head"), what="audit head")
        members.version(VERSION)
        members.integer("time")
        head = cls(sequence=members.integer("sequence"), digest=AuditDigest.from_hex(members.text("digest")))
        members.finish()
        return head


class AuditLog:
    """The log in the database. Appending is part of the transaction whose deed it records."""

    def __init__(self, root_key: RootKey) -> None:
        self._root_key = root_key

    def append(self, session: Session, kind: str, *, actor: str, now: int, details: dict[str, Any]) -> AuditHead:
        """Add a record and move the head; the caller's transaction makes both durable, or neither.

        Raises:
            SealBroken: the log in the database is not the one this server wrote.
        """
        last = self.head(session)
        line = canonical.encode(
            {
                "version": VERSION,
                "sequence": last.sequence + 1,
                "previous": str(last.digest),
                "time": now,
                "kind": kind,
                "actor": actor,
                "details": details,
            }
        )
        head = AuditHead(sequence=last.sequence + 1, digest=AuditDigest(sha256(line).digest()))
        session.add(AuditRow(sequence=head.sequence, record=line, digest=head.digest.value))
        sealed = self._root_key.seal(Secret(head.digest.value), _head_place(head.sequence))
        session.merge(AuditHeadRow.of(head.sequence, sealed))
        session.flush()
        return head

    def head(self, session: Session) -> AuditHead:
        """Give the log's head; an empty log ends at number -1 with a digest of zeros.

        Raises:
            SealBroken: the stored head or the last record was changed.
        """
        row = session.scalars(select(AuditHeadRow).where(AuditHeadRow.id == 1).with_for_update()).one_or_none()
        last = session.scalars(select(AuditRow).order_by(AuditRow.sequence.desc()).limit(1)).one_or_none()
        if row is None and last is None:
            return AuditHead(sequence=-1, digest=ORIGIN)
        if row is None or last is None or row.sequence != last.sequence:
            raise SealBroken("the audit log and its sealed head do not fit", hint="restore the database from a backup")
        digest = AuditDigest(self._root_key.open(row.sealed, _head_place(row.sequence)).reveal())
        if digest.value != last.digest or digest.value != sha256(last.record).digest():
            raise SealBroken("the audit log's last record was changed", hint="restore the database from a backup")
        return AuditHead(sequence=row.sequence, digest=digest)

    def lines(self, session: Session, *, after: int = -1, limit: int) -> tuple[bytes, ...]:
        """Give at most `limit` records that follow number `after`, each in its exact bytes."""
        query = select(AuditRow.record).where(AuditRow.sequence > after).order_by(AuditRow.sequence).limit(limit)
        return tuple(session.scalars(query))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One record of a chain that was checked up to here; `time` in Unix seconds."""

    sequence: int
    time: int
    kind: str
    actor: str
    details: dict[str, Any]
    previous: AuditDigest
    digest: AuditDigest

    @classmethod
    def parse(cls, line: bytes) -> Self:
        """Read one record; whether it belongs where it stands is for `verify_chain`.

        Raises:
            Malformed: not canonical JSON of exactly these members.
        """
        members = canonical.Members(canonical.decode(line, what="audit record"), what="audit record")
        members.version(VERSION)
        record = cls(
            sequence=members.integer("sequence"),
            time=members.integer("time"),
            kind=members.text("kind"),
            actor=members.text("actor"),
            details=members.members("details"),
            previous=AuditDigest.from_hex(members.text("previous")),
            digest=AuditDigest(sha256(line).digest()),
        )
        members.finish()
        return record


def verify_chain(
    lines: Iterable[bytes], *, heads: frozenset[AuditDigest] = frozenset(), after: AuditRecord | None = None
) -> Iterator[AuditRecord]:
    """Give the records of a complete log, each after it was checked; the last step comes after the last record.

    With `after`, the record up to which a log was checked before, these are the lines that follow it.

    1. Each line is one record in canonical form.
    2. The records are numbered from 0, or on from `after`, without a gap.
    3. Each names the digest of the one before it.
    4. All of `heads` are digests of records: whoever kept an earlier head knows that nothing before it changed.

    Raises:
        AuditRejected: any of these is not so; the message says at which record.
    """
    missing = set(heads)
    expected, number = (ORIGIN, -1) if after is None else (after.digest, after.sequence)
    for line in lines:
        number += 1
        try:
            record = AuditRecord.parse(line)  # 1.
        except Malformed as cause:
            raise AuditRejected(f"audit record {number} is malformed: {cause.message}") from cause
        if record.sequence != number:  # 2.
            raise AuditRejected(f"audit record {number} is missing: the log goes on with {record.sequence}")
        if record.previous != expected:  # 3.
            raise AuditRejected(f"audit record {number} follows {record.previous}, not {expected}")
        expected = record.digest
        missing.discard(expected)
        yield record
    if missing:  # 4.
        heads_text = ", ".join(sorted(str(digest) for digest in missing))
        raise AuditRejected(
            f"the log of {number + 1} records does not contain the head {heads_text}",
            hint="it was shortened or rewritten, or the head belongs to another server's log",
        )


def origin_details(identity: bytes, trust_domain: str) -> dict[str, Any]:
    """Give the first record's details: which server's log this is."""
    return {"server_key_sha256": str(ServerKeyHash.of(identity)), "trust_domain": trust_domain}


def _head_place(sequence: int) -> Place:
    # Sequence -1 never has a head, and versions begin at 0 here.
    return Place(table="audit_head", identifier="head", version=sequence)
