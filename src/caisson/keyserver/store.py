"""The database: transactions that are durable when they return, and one kind of failure."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, StaticPool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from caisson.errors import Unavailable
from caisson.keyserver.model import Model

_BUSY_SECONDS = 10
_SYNCHRONOUS = "caisson_synchronous"  # what writers wait for; readers do not set it


class Store:
    """A database that either has a transaction completely, or not at all.

    SQLite with a write-ahead log and `synchronous=FULL`: what was committed survives a crash of the
    process and of the machine. Writers queue here rather than in SQLite's busy loop. Nothing above
    this class knows which database it is.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = threading.Lock()
        # An in-memory database is one connection, which its readers share with the writer.
        self._reading = self._writing if isinstance(engine.pool, StaticPool) else None
        with _failing_as_unavailable():
            Model.metadata.create_all(engine)

    @classmethod
    def in_file(cls, path: Path) -> Self:
        """Open, or create, a SQLite file."""
        engine = create_engine(
            f"sqlite:///{path}", hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS}, pool_size=16
        )
        _prepare(engine)
        return cls(engine)

    @classmethod
    def in_memory(cls) -> Self:
        """Make a database that ends with the process."""
        engine = create_engine(
            "sqlite://", hide_parameters=True, poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        _prepare(engine)
        return cls(engine)

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Session]:
        """Run one transaction: committed and durable after the block, or rolled back if the block raises.

        One that is not `lasting` outlives this process but not the machine's: nothing waits for the disk.

        Raises:
            Unavailable: the database does not answer; nothing was written.
        """
        with self._writing, _failing_as_unavailable(), Session(self._engine) as session, session.begin():
            session.connection(execution_options={_SYNCHRONOUS: "FULL" if lasting else "NORMAL"})
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Run one reading transaction on a consistent snapshot.

        Raises:
            Unavailable: the database does not answer.
        """
        if self._reading is not None:
            with self._reading, _failing_as_unavailable(), Session(self._engine) as session:
                yield session
        else:
            with _failing_as_unavailable(), Session(self._engine) as session:
                yield session

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


@contextmanager
def _failing_as_unavailable() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as cause:
        raise Unavailable(
            f"the store does not answer: {type(cause).__name__}",
            hint="is the database there, and is there space on its disk?",
        ) from cause


def _prepare(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        # The driver would begin transactions by rules of its own; `begin` below does it instead.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # A writer takes the lock at once: a transaction that read first could not be upgraded safely.
        synchronous = connection.get_execution_options().get(_SYNCHRONOUS)
        if synchronous is not None:  # it can only be said before the transaction begins
            connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        connection.exec_driver_sql("BEGIN" if synchronous is None else "BEGIN IMMEDIATE")
