"""What a transaction waits for."""

import pytest
from sqlalchemy import text

from caisson.keyserver.store import Store

NORMAL, FULL = 1, 2  # https://www.sqlite.org/pragma.html#pragma_synchronous


@pytest.fixture
def store(tmp_path):
    found = Store.in_file(tmp_path / "db")
    yield found
    found.close()


def waits(store, **options):
    with store.write(**options) as session:
        return session.scalar(text("PRAGMA synchronous"))


def test_a_transaction_waits_for_the_disk_unless_it_need_not_last(store):
    assert waits(store) == FULL
    assert waits(store, lasting=False) == NORMAL


def test_the_one_after_it_waits_again(store):
    # They use the same connection, one after the other.
    assert [waits(store, lasting=lasting) for lasting in (True, False, True)] == [FULL, NORMAL, FULL]
