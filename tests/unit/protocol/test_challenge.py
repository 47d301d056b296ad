import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson import errors
from caisson.errors import Malformed, Rejected, SignatureRejected
from caisson.protocol import (
    Challenge,
    Nonce,
    ServerKeyHash,
    canonical,
    decode_identity,
    encode_identity,
    sign_challenge,
)


def test_a_signed_challenge_is_read_back(server):
    nonce = Nonce(bytes(range(32)))
    spki = encode_identity(server.public_key())
    found = Challenge.parse(sign_challenge(nonce, expires=7, key=server), pin=ServerKeyHash.of(spki))
    assert found == Challenge(nonce=nonce, expires=7, server_key=spki)


def test_the_challenge_vector_is_accepted(vector):
    good = vector("challenge")
    found = Challenge.parse(good["answer"].encode(), pin=ServerKeyHash.from_hex(good["pin"]))
    assert (found.nonce.value.hex(), found.expires, found.server_key.hex()) == (
        good["nonce"],
        good["expires"],
        good["server_key"],
    )


def test_each_fault_is_refused_for_its_reason(refused_challenge, unbase64):
    due = getattr(errors, refused_challenge["error"])
    with pytest.raises(due) as caught:
        Challenge.parse(unbase64(refused_challenge["answer"]), pin=ServerKeyHash.from_hex(refused_challenge["pin"]))
    assert type(caught.value) is due


def test_without_a_pin_any_server_answers_and_is_named(server):
    found = Challenge.parse(sign_challenge(Nonce(bytes(32)), expires=7, key=server), pin=None)
    assert decode_identity(found.server_key).public_bytes_raw() == server.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    "spki",
    [
        pytest.param("", id="nothing"),
        pytest.param("300930040602 2a03 030100", id="an-algorithm-nobody-knows"),
        pytest.param("302a300506032b656e032100" + "09" + "00" * 31, id="an-x25519-key"),
        pytest.param("302a300506032b6570032100" + "11" * 32 + "00", id="a-byte-more"),
        pytest.param("302c300706032b65700500032100" + "11" * 32, id="with-parameters"),
    ],
)
def test_only_an_ed25519_key_is_an_identity(spki):
    with pytest.raises(Malformed):
        decode_identity(bytes.fromhex(spki))


@given(st.binary(max_size=80))
def test_no_bytes_crash_the_identity(raw):
    with contextlib.suppress(Malformed):
        assert encode_identity(decode_identity(raw)) == raw


@given(st.data())
def test_a_changed_byte_is_refused(data):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    server = Ed25519PrivateKey.from_private_bytes(bytes(32))
    raw = bytearray(sign_challenge(Nonce(bytes(32)), expires=7, key=server))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((Malformed, SignatureRejected)):
        Challenge.parse(bytes(raw), pin=ServerKeyHash.of(encode_identity(server.public_key())))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["envelope", "server_key", "payload", "payloadType", "signatures", "keyid", "sig", "version", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_no_json_crashes_the_challenge(value):
    try:
        raw = canonical.encode(value)
    except ValueError:
        raw = json.dumps(value).encode()
    with pytest.raises(Rejected):
        Challenge.parse(raw, pin=None)
