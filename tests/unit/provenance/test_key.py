"""A publisher's key: what is one, and what never shows."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from caisson.errors import Malformed, UsageError
from caisson.provenance import ProvenanceKey, Publisher


def test_a_key_survives_being_written(publisher_key):
    for passphrase in (None, b"secret"):
        again = ProvenanceKey.load(publisher_key.to_pem(passphrase), passphrase)
        assert again.publisher.id == publisher_key.publisher.id
    assert Publisher.parse(publisher_key.publisher.pem).id == publisher_key.publisher.id


def test_its_repr_shows_the_public_id_only(publisher_key):
    assert repr(publisher_key) == f"<ProvenanceKey {publisher_key.publisher.id}>"
    assert len(str(publisher_key.publisher.id)) == 64


@pytest.mark.parametrize("other", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()])
def test_other_kinds_of_keys_are_refused(other):
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(UsageError, match="not an ECDSA key on P-256"):
        ProvenanceKey.load(pem)
    with pytest.raises(Malformed, match="not an ECDSA key on P-256"):
        Publisher.parse(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_the_key_that_signs_enclaves_states_nothing(key):
    with pytest.raises(UsageError, match="not an ECDSA key on P-256"):
        ProvenanceKey.load(key.to_pem(None))


def test_a_passphrase_must_be_right(publisher_key):
    locked = publisher_key.to_pem(b"secret")
    for passphrase in (None, b"wrong"):
        with pytest.raises(UsageError):
            ProvenanceKey.load(locked, passphrase)
    with pytest.raises(UsageError):
        ProvenanceKey.load(publisher_key.to_pem(None), b"secret")
    with pytest.raises(Malformed):
        ProvenanceKey.load(b"x")
    with pytest.raises(Malformed):
        Publisher.parse(b"x")
