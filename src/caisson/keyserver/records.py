"""Named, versioned, sealed records: what workloads, secrets, tokens and the server's own keys are kept in."""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from caisson.errors import Unknown
from caisson.keyserver.model import SealedRow
from caisson.keyserver.sealing import Place, RootKey
from caisson.keyserver.secret import Secret

# Made once: a guest's start asks for several records.
_NEWEST = (
    select(SealedRow)
    .where(SealedRow.table == bindparam("table"), SealedRow.identifier == bindparam("name"))
    .order_by(SealedRow.version.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordInfo:
    """What may be known of a record without opening it; `created` in Unix seconds, `size` in bytes."""

    name: str
    version: int
    label: str
    size: int
    created: int


class Records:
    """The sealed records of one kind. A version number is used once, also across removal."""

    def __init__(self, table: str, root_key: RootKey) -> None:
        self._table = table
        self._root_key = root_key

    def put(self, session: Session, name: str, content: Secret, *, label: str, now: int) -> RecordInfo:
        """Store the next version of a record."""
        version = self._next_version(session, name)
        sealed = self._root_key.seal(content, self._place(name, version))
        row = SealedRow(
            table=self._table,
            identifier=name,
            version=version,
            label=label,
            size=len(content),
            created=now,
            wrapped_key=sealed.wrapped_key,
            ciphertext=sealed.ciphertext,
        )
        session.add(row)
        session.flush()
        return _info(row)

    def find(self, session: Session, name: str) -> RecordInfo | None:
        """Tell what the newest version is, or nothing if there is none or it was removed."""
        row = self._newest(session, name)
        return _info(row) if row is not None and row.sealed is not None else None

    @property
    def _others(self) -> str:
        command = "keyserver token" if self._table == "token" else self._table
        return f"`caisson {command} list` shows those that there are"

    def get(self, session: Session, name: str, version: int | None = None) -> tuple[RecordInfo, Secret]:
        """Open one version of a record, or the newest.

        Raises:
            Unknown: there is none of that name and version, or it was removed.
            SealBroken: it was changed or moved.
        """
        row = self._newest(session, name) if version is None else session.get(SealedRow, (self._table, name, version))
        if row is None or row.sealed is None:
            which = "" if version is None else f" in version {version}"
            raise Unknown(f"there is no {self._table} `{name}`{which}", hint=self._others)
        return _info(row), self._root_key.open(row.sealed, self._place(name, row.version))

    def current(self, session: Session) -> tuple[RecordInfo, ...]:
        """List the newest version of each record that was not removed, by name."""
        newest = (
            select(SealedRow.identifier, func.max(SealedRow.version).label("version"))
            .where(SealedRow.table == self._table)
            .group_by(SealedRow.identifier)
            .subquery()
        )
        rows = session.scalars(
            select(SealedRow)
            .join(newest, (SealedRow.identifier == newest.c.identifier) & (SealedRow.version == newest.c.version))
            .where(SealedRow.table == self._table, SealedRow.ciphertext.is_not(None))
            .order_by(SealedRow.identifier)
        )
        return tuple(_info(row) for row in rows)

    def remove(self, session: Session, name: str, *, now: int, erase: bool) -> int:
        """End a record with a tombstone, and give the tombstone's version; `erase` also destroys all older versions.

        Raises:
            Unknown: there is none of that name.
        """
        if self.find(session, name) is None:
            raise Unknown(f"there is no {self._table} `{name}`", hint=self._others)
        version = self._next_version(session, name)
        session.add(
            SealedRow(table=self._table, identifier=name, version=version, label="removed", size=0, created=now)
        )
        if erase:
            session.execute(
                update(SealedRow)
                .where(SealedRow.table == self._table, SealedRow.identifier == name)
                .values(wrapped_key=None, ciphertext=None)
            )
        session.flush()
        return version

    def _newest(self, session: Session, name: str) -> SealedRow | None:
        return session.scalars(_NEWEST, {"table": self._table, "name": name}).one_or_none()

    def _next_version(self, session: Session, name: str) -> int:
        row = self._newest(session, name)
        return 1 if row is None else row.version + 1

    def _place(self, name: str, version: int) -> Place:
        return Place(table=self._table, identifier=name, version=version)


def _info(row: SealedRow) -> RecordInfo:
    return RecordInfo(name=row.identifier, version=row.version, label=row.label, size=row.size, created=row.created)
