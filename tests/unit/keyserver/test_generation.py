import pytest

from caisson.errors import UsageError
from caisson.keyserver.generation import Generation, SecretKind

PASSWORD, KEY = SecretKind.PASSWORD, SecretKind.SYMMETRIC_KEY


def test_passwords_have_the_characters_that_were_asked_for():
    assert len(Generation(kind=PASSWORD).make()) == 32
    value = Generation(kind=PASSWORD, length=500, alphabet="abcd").make().reveal()
    assert set(value.decode()) == set("abcd")


def test_keys_have_the_bytes_that_were_asked_for():
    assert len(Generation(kind=KEY).make()) == 16
    assert len(Generation(kind=KEY, length=32).make()) == 32


@pytest.mark.parametrize("kind", SecretKind)
def test_no_two_are_the_same(kind):
    assert len({Generation(kind=kind).make().reveal() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": PASSWORD, "length": 10}, "can be guessed"),
        ({"kind": PASSWORD, "alphabet": "a"}, "can be guessed"),
        ({"kind": PASSWORD, "alphabet": ""}, "can be guessed"),
        ({"kind": PASSWORD, "length": 0}, "can be guessed"),
        ({"kind": PASSWORD, "length": -5}, "can be guessed"),
        ({"kind": PASSWORD, "alphabet": "aab", "length": 900}, "each once"),
        ({"kind": PASSWORD, "alphabet": "ab \n", "length": 900}, "printable"),
        ({"kind": PASSWORD, "length": 1025}, "at most 1024"),
        ({"kind": KEY, "length": 15}, "16 to 64 bytes"),
        ({"kind": KEY, "length": 65}, "16 to 64 bytes"),
        ({"kind": KEY, "alphabet": "ab"}, "no alphabet"),
    ],
)
def test_what_could_be_guessed_is_not_made(options, message):
    with pytest.raises(UsageError, match=message):
        Generation(**options)
