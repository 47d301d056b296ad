"""The tables. Whatever is secret, or decides who gets a secret, lies in them sealed."""

from typing import Self

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from caisson.keyserver.sealing import Sealed

SCHEMA_VERSION = 1


class Model(DeclarativeBase):
    """The base of all tables."""


class ServerRow(Model):
    """The one row that says what this database is."""

    __tablename__ = "server"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    schema_version: Mapped[int]
    trust_domain: Mapped[str]
    identity: Mapped[bytes]
    ca_certificate: Mapped[bytes]


class SealedRow(Model):
    """A record that only the root key opens; its place is its primary key.

    Without `wrapped_key` and `ciphertext` the record is a tombstone: removed, its version spent for ever.
    `label` is for listing without opening.
    """

    __tablename__ = "sealed"

    table: Mapped[str] = mapped_column(primary_key=True)
    identifier: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    label: Mapped[str]
    size: Mapped[int]
    created: Mapped[int] = mapped_column(BigInteger)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    ciphertext: Mapped[bytes | None] = mapped_column(LargeBinary)

    @property
    def sealed(self) -> Sealed | None:
        """The sealed record, or nothing if it was removed."""
        if self.wrapped_key is None or self.ciphertext is None:
            return None
        return Sealed(wrapped_key=self.wrapped_key, ciphertext=self.ciphertext)


class ChallengeRow(Model):
    """A nonce that was given out and not used yet; `expires` in Unix seconds."""

    __tablename__ = "challenge"

    nonce: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)


class AuditRow(Model):
    """One record of the audit log: its exact bytes, and their SHA-256."""

    __tablename__ = "audit"

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    record: Mapped[bytes]
    digest: Mapped[bytes]


class AuditHeadRow(Model):
    """The log's last sequence number, and its head sealed, so that a rewritten log does not fit it."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger)
    wrapped_key: Mapped[bytes]
    ciphertext: Mapped[bytes]

    @classmethod
    def of(cls, sequence: int, sealed: Sealed) -> Self:
        """Make the row for a new head."""
        return cls(id=1, sequence=sequence, wrapped_key=sealed.wrapped_key, ciphertext=sealed.ciphertext)

    @property
    def sealed(self) -> Sealed:
        """The sealed head."""
        return Sealed(wrapped_key=self.wrapped_key, ciphertext=self.ciphertext)
