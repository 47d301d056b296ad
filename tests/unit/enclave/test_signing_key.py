"""The author's key: one kind only, and it shows itself to nobody."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from caisson.enclave import SigningKey
from caisson.errors import Malformed, UsageError


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_key_survives_its_file(key, passphrase):
    again = SigningKey.load(key.to_pem(passphrase), passphrase)
    assert again.modulus == key.modulus
    assert again.sign(b"x") == key.sign(b"x")


def test_traditional_pem_is_read_too(key):
    raw = key._key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert SigningKey.load(raw).mr_signer == key.mr_signer


def test_mrsigner_is_the_hash_of_the_little_endian_modulus(key):
    assert key.mr_signer.value == sha256(key.modulus.to_bytes(384, "little")).digest()


def test_repr_shows_only_the_mrsigner(key):
    assert repr(key) == f"<SigningKey {key.mr_signer}>"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072), id="exponent 65537"),
        pytest.param(lambda: rsa.generate_private_key(public_exponent=3, key_size=2048), id="2048 bits"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256R1()), id="elliptic curve"),
    ],
)
def test_another_kind_of_key_is_refused_with_a_hint(other):
    with pytest.raises(UsageError) as caught:
        SigningKey.load(pem(other()))
    assert "caisson key generate" in caught.value.hint


def test_an_encrypted_key_without_its_passphrase_is_refused_with_a_hint(key):
    with pytest.raises(UsageError) as caught:
        SigningKey.load(key.to_pem(b"correct"))
    assert "--passphrase-file" in caught.value.hint


def test_a_wrong_passphrase_is_refused(key):
    with pytest.raises(UsageError, match="wrong passphrase"):
        SigningKey.load(key.to_pem(b"correct"), b"wrong")


def test_a_needless_passphrase_is_refused(key):
    with pytest.raises(UsageError, match="not encrypted"):
        SigningKey.load(key.to_pem(None), b"wrong")


def test_an_empty_passphrase_encrypts_nothing_and_is_refused(key):
    with pytest.raises(UsageError, match="empty"):
        key.to_pem(b"")


def test_a_public_key_is_refused(key):
    public = key._key.public_key()
    from cryptography.hazmat.primitives.serialization import PublicFormat

    with pytest.raises(Malformed):
        SigningKey.load(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@given(st.binary(max_size=200), st.none() | st.binary(min_size=1, max_size=5))
def test_noise_is_refused(noise, passphrase):
    with pytest.raises((Malformed, UsageError)):
        SigningKey.load(noise, passphrase)
