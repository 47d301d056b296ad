"""Nonces in the database: each is good for one attempt, whatever comes of it."""

import os

from sqlalchemy import delete, func, insert, select

from caisson.errors import NonceRejected, TooMany
from caisson.keyserver.model import ChallengeRow
from caisson.keyserver.store import Store
from caisson.protocol import Nonce

LIFETIME_SECONDS = 60
MOST_OPEN = 4096


class Challenges:
    """Gives out nonces and takes each back once, also when several servers share the database."""

    def __init__(self, store: Store, *, lifetime: int = LIFETIME_SECONDS, most_open: int = MOST_OPEN) -> None:
        self._store = store
        self._lifetime = lifetime
        self._most_open = most_open

    def issue(self, *, now: int) -> tuple[Nonce, int]:
        """Give a new nonce, and the Unix second at which it expires.

        Raises:
            TooMany: so many are open that another would only serve a flood.
        """
        nonce, expires = Nonce(os.urandom(Nonce.SIZE)), now + self._lifetime
        # A nonce that a crash of the machine takes away is one that nobody can use: that needs no waiting for the disk.
        with self._store.write(lasting=False) as session:
            connection = session.connection()  # which takes a third less time than objects of the session
            connection.execute(delete(ChallengeRow).where(ChallengeRow.expires <= now))
            opened, first = connection.execute(select(func.count(), func.min(ChallengeRow.expires))).one()
            if opened >= self._most_open:
                wait = first - now
                raise TooMany(f"{opened} challenges are open", hint=f"try again in {wait} seconds", after=wait)
            connection.execute(insert(ChallengeRow).values(nonce=nonce.value, expires=expires))
        return nonce, expires

    def consume(self, nonce: Nonce, *, now: int) -> None:
        """Take a nonce back for ever; this is durable before the nonce is judged.

        Raises:
            NonceRejected: it was never given out, was used already, or has expired.
        """
        with self._store.write() as session:
            taken = delete(ChallengeRow).where(ChallengeRow.nonce == nonce.value).returning(ChallengeRow.expires)
            expires = session.connection().scalars(taken).one_or_none()
        if expires is None:
            raise NonceRejected("nonce is unknown or was used already", hint="ask for a new challenge")
        if expires <= now:
            raise NonceRejected("nonce has expired", hint="ask for a new challenge")
