import stat

import pytest
from sqlalchemy import text

from caisson.errors import Malformed, SealBroken, TokenRejected, Unavailable, UsageError
from caisson.keyserver import (
    KeyServer,
    Operator,
    Secret,
    ensure_state,
    initialise_state,
    open_state,
    public_face,
    read_private,
    write_private,
)
from caisson.keyserver.sealing import RootKey

CANARY = b"canary-0b3d"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "state", tmp_path / "keys" / "unseal.key"


@pytest.fixture
def made(place):
    server, token = initialise_state(*place, trust_domain="example.org")
    Operator(server, "first").set_secret("db", Secret(CANARY))
    yield server, token
    server.store.close()


def test_a_server_opens_again_as_the_same(place, made):
    server, token = made
    server.store.close()
    again = open_state(*place)
    assert again.face == server.face
    operator = Operator.authenticate(again, token)
    assert operator.name == "first"
    assert operator.reveal_secret("db")[1].reveal() == CANARY
    again.store.close()


def test_what_could_not_be_made_is_not_left(place, tmp_path, monkeypatch):
    def full(store, *_, **__):
        with store.write() as session:
            session.execute(text("CREATE TABLE half (made INTEGER)"))
        raise Unavailable("the disk is full")

    monkeypatch.setattr(KeyServer, "create", full)
    with pytest.raises(Unavailable, match="full"):
        initialise_state(*place, trust_domain="example.org")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    monkeypatch.undo()
    server, _ = initialise_state(*place, trust_domain="example.org")
    server.store.close()


def test_only_the_owner_can_read_what_was_made(place, made):
    assert made
    directory, key = place
    files = [*directory.iterdir(), key]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {file.name for file in directory.iterdir()} >= {"keyserver.sqlite", "keyserver.sqlite-wal"}


def test_no_file_holds_a_secret_a_token_or_a_private_key(place, made):
    server, token = made
    operator = Operator(server, "first")
    operator.set_secret("gone", Secret(b"canary-gone"))
    operator.remove_secret("gone")
    operator.reveal_secret("db")
    text_of_token = token.reveal()[-64:]
    secrets = [
        *(CANARY, b"canary-gone", text_of_token, bytes.fromhex(text_of_token.decode())),
        server.identity.private_bytes_raw(),
        server.ca.key.private_numbers().private_value.to_bytes(32, "big"),
    ]
    root = bytes.fromhex(place[1].read_text())
    for file in place[0].iterdir():
        content = file.read_bytes()
        for secret in (*secrets, root, root.hex().encode()):
            assert secret not in content, file.name


def test_nothing_is_overwritten(place, made):
    assert made
    directory, key = place
    with pytest.raises(UsageError, match="exists"):
        initialise_state(directory, key.with_name("other"), trust_domain="example.org")
    with pytest.raises(UsageError, match="exists"):
        initialise_state(directory.with_name("other"), key, trust_domain="example.org")
    assert not directory.with_name("other").exists()


def test_another_unseal_key_opens_nothing(place, made):
    assert made
    directory, key = place
    other = key.with_name("other.key")
    write_private(other, RootKey.generate()[1].reveal().hex().encode())
    with pytest.raises(SealBroken, match="unseal key is another one"):
        open_state(directory, other)


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"zz" * 32, CANARY, b"\xff" * 64])
def test_what_is_no_unseal_key_is_refused_and_not_repeated(place, made, content):
    assert made
    broken = place[1].with_name("broken.key")
    write_private(broken, content)
    with pytest.raises((Malformed, UsageError)) as caught:
        open_state(place[0], broken)
    assert "canary" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_that_everybody_can_read_is_refused(place, made):
    assert made
    place[1].chmod(0o604)
    with pytest.raises(UsageError, match="open to everybody") as caught:
        open_state(*place)
    assert "chmod o=" in caught.value.hint


def test_a_directory_without_a_server_says_how_to_make_one(place):
    for attempt in (lambda: open_state(*place), lambda: public_face(place[0])):
        with pytest.raises(UsageError, match="holds no key server") as caught:
            attempt()
        assert "caisson keyserver init" in caught.value.hint
    with pytest.raises(UsageError, match="cannot read"):
        read_private(place[1], what="token")


def test_what_anyone_may_know_needs_no_key(place, made):
    assert public_face(place[0]) == made[0].face


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE server SET trust_domain = 'evil.example'",
        "UPDATE server SET identity = x'00'",
        "UPDATE audit SET record = x'00' WHERE sequence = (SELECT max(sequence) FROM audit)",
        "DELETE FROM audit",
    ],
)
def test_a_database_that_was_tampered_with_does_not_open(place, made, statement):
    server, _ = made
    with server.store.write() as session:
        session.execute(text(statement))
    with pytest.raises(SealBroken):
        open_state(*place)


def test_another_schema_is_refused(place, made):
    with made[0].store.write() as session:
        session.execute(text("UPDATE server SET schema_version = 2"))
    with pytest.raises(UsageError, match="schema 2"):
        open_state(*place)


def test_write_private_never_follows_a_link(tmp_path):
    target = tmp_path / "target"
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "link", b"x")
    assert not target.exists()


CHOSEN = Secret(f"caisson-0000000000000001-{'ab' * 32}".encode())


@pytest.fixture
def given(tmp_path):
    """A directory that holds nothing yet, and an unseal key that came from somewhere else."""
    write_private(tmp_path / "unseal.key", b"cd" * 32 + b"\n")
    return tmp_path / "state", tmp_path / "unseal.key"


def test_a_server_is_made_once_with_the_key_and_the_token_that_were_given(given):
    first = ensure_state(*given, CHOSEN, trust_domain="example.org")
    Operator.authenticate(first, CHOSEN).set_secret("db", Secret(CANARY))
    first.store.close()
    for again in (ensure_state(*given, CHOSEN, trust_domain="example.org"), open_state(*given)):
        assert again.face == first.face
        assert Operator.authenticate(again, CHOSEN).reveal_secret("db")[1].reveal() == CANARY
        again.store.close()
    assert stat.S_IMODE((given[0] / "keyserver.sqlite").stat().st_mode) == 0o600


def test_another_unseal_key_makes_no_new_server_of_one_that_exists(given, tmp_path):
    ensure_state(*given, CHOSEN, trust_domain="example.org").store.close()
    write_private(tmp_path / "other.key", b"ef" * 32 + b"\n")
    with pytest.raises(SealBroken):
        ensure_state(given[0], tmp_path / "other.key", CHOSEN, trust_domain="example.org")


def test_another_first_token_counts_for_nothing_once_there_is_a_server(given):
    ensure_state(*given, CHOSEN, trust_domain="example.org").store.close()
    other = Secret(CHOSEN.reveal().replace(b"ab", b"cd"))
    server = ensure_state(*given, other, trust_domain="example.org")
    with pytest.raises(TokenRejected):
        Operator.authenticate(server, other)
    server.store.close()


def test_whoever_takes_the_database_away_gets_an_empty_server_that_takes_no_token_that_was_replaced(given):
    first = ensure_state(*given, CHOSEN, trust_domain="example.org")
    Operator.authenticate(first, CHOSEN).set_secret("db", Secret(CANARY))
    first.store.close()
    for file in given[0].iterdir():
        file.unlink()
    other = Secret(CHOSEN.reveal().replace(b"ab", b"cd"))
    again = ensure_state(*given, other, trust_domain="example.org")
    assert again.face.key_hash != first.face.key_hash
    with pytest.raises(TokenRejected):
        Operator.authenticate(again, CHOSEN)
    assert Operator.authenticate(again, other).secrets() == ()
    again.store.close()


def test_an_interrupted_first_start_is_made_up_for(given):
    given[0].mkdir()
    (given[0] / "keyserver.sqlite").touch(mode=0o600)
    ensure_state(*given, CHOSEN, trust_domain="example.org").store.close()
    open_state(*given).store.close()


@pytest.mark.parametrize("token", [b"", b"caisson-1-2", b"caisson-0000000000000001-" + b"x" * 64])
def test_what_is_no_token_makes_no_server(given, token):
    with pytest.raises(UsageError, match="no operator's token"):
        ensure_state(*given, Secret(token), trust_domain="example.org")
    server = ensure_state(*given, CHOSEN, trust_domain="example.org")
    assert Operator.authenticate(server, CHOSEN).name == "first"
    server.store.close()
