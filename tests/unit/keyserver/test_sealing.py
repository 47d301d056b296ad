import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import SealBroken, UsageError
from caisson.keyserver.sealing import Place, RootKey, Sealed
from caisson.keyserver.secret import Secret

CANARY = b"canary-7f3a"
HERE = Place(table="secret", identifier="db", version=3)


@pytest.fixture(scope="module")
def root_key():
    return RootKey.generate()[0]


@given(st.binary(max_size=300))
def test_what_was_sealed_opens_at_its_place(content):
    key, _ = RootKey.generate()
    assert key.open(key.seal(Secret(content), HERE), HERE) == Secret(content)


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place(table="token", identifier="db", version=3),
        Place(table="secret", identifier="other", version=3),
        Place(table="secret", identifier="db", version=2),
    ],
)
def test_a_record_that_was_moved_does_not_open(root_key, elsewhere):
    with pytest.raises(SealBroken):
        root_key.open(root_key.seal(Secret(CANARY), HERE), elsewhere)


def test_two_records_whose_ciphertexts_were_swapped_do_not_open(root_key):
    there = Place(table="secret", identifier="db2", version=3)
    one, two = root_key.seal(Secret(b"one"), HERE), root_key.seal(Secret(b"two"), there)
    with pytest.raises(SealBroken):
        root_key.open(Sealed(wrapped_key=one.wrapped_key, ciphertext=two.ciphertext), HERE)


def test_another_root_key_opens_nothing(root_key):
    other, _ = RootKey.generate()
    with pytest.raises(SealBroken):
        other.open(root_key.seal(Secret(CANARY), HERE), HERE)


@pytest.mark.parametrize("part", ["wrapped_key", "ciphertext"])
def test_no_bit_and_no_byte_of_a_record_can_be_changed(root_key, part):
    sealed = root_key.seal(Secret(CANARY), HERE)
    good = {"wrapped_key": sealed.wrapped_key, "ciphertext": sealed.ciphertext}
    raw = good[part]
    broken = [raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :] for i in range(len(raw))]
    broken += [raw[:n] for n in range(len(raw))] + [raw + b"\0"]
    for value in broken:
        with pytest.raises(SealBroken):
            root_key.open(Sealed(**{**good, part: value}), HERE)


def test_the_same_secret_never_looks_the_same(root_key):
    assert root_key.seal(Secret(CANARY), HERE) != root_key.seal(Secret(CANARY), HERE)


def test_a_root_key_has_32_bytes():
    with pytest.raises(UsageError, match="32 bytes, not 31"):
        RootKey(Secret(bytes(31)))


def test_secrets_and_root_keys_show_nothing(root_key):
    secret = Secret(CANARY)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", repr({"a": [secret]}), repr(root_key)]
    assert not [text for text in shown if CANARY.decode() in text]
    for thing in (secret, root_key):
        with pytest.raises(TypeError):
            pickle.dumps(thing)


def test_secrets_compare_by_value_and_are_no_dictionary_keys():
    assert Secret(b"a") == Secret(b"a")
    assert Secret(b"a") != Secret(b"b")
    assert Secret(b"a") != b"a"
    with pytest.raises(TypeError):
        hash(Secret(b"a"))
