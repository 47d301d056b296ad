import pytest
from sqlalchemy import text

from caisson.errors import SealBroken, TokenRejected, Unknown, UsageError
from caisson.keyserver.sealing import RootKey
from caisson.keyserver.secret import Secret
from caisson.keyserver.store import Store
from caisson.keyserver.tokens import Tokens


@pytest.fixture
def store():
    found = Store.in_memory()
    yield found
    found.close()


@pytest.fixture
def tokens():
    return Tokens(RootKey.generate()[0])


def create(store, tokens, name="ann"):
    with store.write() as session:
        return tokens.create(session, name, now=1)


def who(store, tokens, token):
    with store.read() as session:
        return tokens.authenticate(session, token)


def test_a_token_names_its_holder(store, tokens):
    _, ann = create(store, tokens, "ann")
    _, bob = create(store, tokens, "bob")
    assert (who(store, tokens, ann), who(store, tokens, bob)) == ("ann", "bob")


@pytest.mark.parametrize(
    "attack",
    [
        lambda _token: b"",
        lambda _token: b"caisson-",
        lambda token: token[:-1],
        lambda token: token + b"0",
        lambda token: token[:-1] + (b"0" if token[-1:] != b"0" else b"1"),
        lambda token: token.upper(),
        lambda token: token[:8] + b"0" * 16 + token[24:],
        lambda token: token + b"\n",
        lambda _token: b"\xff" * 89,
    ],
)
def test_what_is_not_exactly_a_token_is_refused_in_the_same_words(store, tokens, attack):
    _, token = create(store, tokens)
    with pytest.raises(TokenRejected) as caught:
        who(store, tokens, Secret(attack(token.reveal())))
    assert caught.value.message == "the token is not valid"


def test_the_secret_of_one_token_does_not_fit_the_name_of_another(store, tokens):
    _, ann = create(store, tokens, "ann")
    _, bob = create(store, tokens, "bob")
    with pytest.raises(TokenRejected):
        who(store, tokens, Secret(ann.reveal()[:25] + bob.reveal()[25:]))


def test_a_revoked_token_is_refused_at_once(store, tokens):
    info, token = create(store, tokens)
    with store.write() as session:
        tokens.revoke(session, info.identifier, now=2)
    with pytest.raises(TokenRejected):
        who(store, tokens, token)
    with store.write() as session, pytest.raises(Unknown):
        tokens.revoke(session, info.identifier, now=3)


def test_a_token_written_into_the_database_by_an_intruder_is_not_one(store, tokens):
    _, mine = create(store, Tokens(RootKey.generate()[0]), "intruder")
    with pytest.raises(SealBroken):
        who(store, tokens, mine)


def test_the_list_shows_no_token(store, tokens):
    info, token = create(store, tokens)
    with store.read() as session:
        assert tokens.current(session) == (info,)
        stored = repr(session.execute(text("SELECT * FROM sealed")).all()).encode()
    assert token.reveal() not in repr(info).encode() + stored


@pytest.mark.parametrize("name", ["", "Ann", "a" * 64, "a\nb", "../x", "-a"])
def test_names_that_would_confuse_the_audit_log_are_refused(store, tokens, name):
    with pytest.raises(UsageError):
        create(store, tokens, name)
