import pytest
from sqlalchemy import text

from caisson.errors import SealBroken, Unavailable, Unknown
from caisson.keyserver.records import Records
from caisson.keyserver.sealing import RootKey
from caisson.keyserver.secret import Secret
from caisson.keyserver.store import Store


@pytest.fixture(params=["file", "memory"])
def store(request, tmp_path):
    found = Store.in_file(tmp_path / "db") if request.param == "file" else Store.in_memory()
    yield found
    found.close()


@pytest.fixture
def records():
    return Records("secret", RootKey.generate()[0])


def put(store, records, name, value):
    with store.write() as session:
        return records.put(session, name, Secret(value), label="given", now=1)


def get(store, records, name, version=None):
    with store.read() as session:
        return records.get(session, name, version)[1].reveal()


def test_each_version_stays_readable(store, records):
    assert [put(store, records, "a", b"1").version, put(store, records, "a", b"2").version] == [1, 2]
    assert get(store, records, "a") == b"2"
    assert get(store, records, "a", 1) == b"1"


def test_the_list_has_the_newest_versions_by_name(store, records):
    for name in ("b", "a", "b"):
        put(store, records, name, b"x")
    with store.read() as session:
        assert [(info.name, info.version) for info in records.current(session)] == [("a", 1), ("b", 2)]


def test_tables_do_not_see_each_other(store):
    key, _ = RootKey.generate()
    put(store, Records("secret", key), "a", b"x")
    with store.read() as session, pytest.raises(Unknown, match="there is no token `a`"):
        Records("token", key).get(session, "a")


def test_what_was_removed_is_gone_and_its_versions_are_spent(store, records):
    put(store, records, "a", b"1")
    with store.write() as session:
        assert records.remove(session, "a", now=2, erase=True) == 2
    with store.read() as session:
        assert records.current(session) == ()
        assert records.find(session, "a") is None
        for version in (None, 1, 2):
            with pytest.raises(Unknown):
                records.get(session, "a", version)
    assert put(store, records, "a", b"3").version == 3


def test_older_versions_can_be_kept_at_removal(store, records):
    put(store, records, "a", b"1")
    with store.write() as session:
        records.remove(session, "a", now=2, erase=False)
    assert get(store, records, "a", 1) == b"1"


def test_what_is_not_there_cannot_be_removed(store, records):
    with store.write() as session, pytest.raises(Unknown):
        records.remove(session, "a", now=2, erase=True)


def test_rows_that_were_swapped_in_the_database_do_not_open(store, records):
    put(store, records, "a", b"for a")
    put(store, records, "b", b"for b")
    with store.write() as session:
        session.execute(text("UPDATE sealed SET identifier = 'c' WHERE identifier = 'a'"))
        session.execute(text("UPDATE sealed SET identifier = 'a' WHERE identifier = 'b'"))
    with pytest.raises(SealBroken):
        get(store, records, "a")


def test_an_old_version_does_not_pass_for_a_new_one(store, records):
    put(store, records, "a", b"old")
    with store.write() as session:
        session.execute(text("UPDATE sealed SET version = 7"))
    with pytest.raises(SealBroken):
        get(store, records, "a")


def test_a_block_that_raises_writes_nothing(store, records):
    def broken():
        with store.write() as session:
            records.put(session, "a", Secret(b"x"), label="given", now=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    with store.read() as session:
        assert records.current(session) == ()


def test_a_database_that_fails_is_unavailable_and_its_error_holds_no_values(store):
    canary = b"canary-11d2"
    with pytest.raises(Unavailable) as caught, store.write() as session:
        session.execute(text("INSERT INTO nowhere VALUES (:value)"), {"value": canary})
    chain = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__cause__}"
    assert "canary" not in chain
