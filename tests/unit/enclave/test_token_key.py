"""A key in a real PKCS #11 token: how it is found, and which keys and PINs are refused."""

import gc

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from caisson.enclave import Pkcs11Uri, SigningKey, sign
from caisson.enclave.token_key import TokenKey
from caisson.errors import UsageError
from tests.softhsm import PIN


@pytest.fixture
def put(token, tmp_path):
    def put(key, **names):
        pem = key if isinstance(key, bytes) else key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / "key.pem").write_bytes(pem)
        token.put(tmp_path / "key.pem", **{"label": "author", **names})

    return put


def open_key(text, pin=PIN):
    return TokenKey.open(Pkcs11Uri.parse(text), None if pin is None else pin.encode())


def refused(text, message, pin=PIN):
    with pytest.raises(UsageError, match=message) as caught, open_key(text, pin):
        pass
    return caught.value


def test_a_token_signs_as_the_same_key_in_a_file_does(token, put, key, pal, manifest):
    put(key.to_pem(None))
    with open_key(token.uri()) as held:
        assert held.mr_signer == key.mr_signer
        assert repr(held) == f"<TokenKey {key.mr_signer}>"
        there = sign(pal, manifest, held, date="2026-11-25")
    assert there.encode() == sign(pal, manifest, key, date="2026-11-25").encode()


def test_a_token_can_make_the_key_itself(token):
    import pkcs11

    from tests.softhsm import MODULE

    with pkcs11.lib(str(MODULE)).get_token(token_label=token.label).open(rw=True, user_pin=PIN) as session:
        session.generate_keypair(
            pkcs11.KeyType.RSA,
            3072,
            store=True,
            label="author",
            public_template={pkcs11.Attribute.PUBLIC_EXPONENT: b"\3"},
        )
    with open_key(token.uri()) as held:
        assert len(held.sign(b"x")) == 384


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rsa.generate_private_key(65537, 3072), "RSA-3072 with exponent 65537, not RSA-3072 with exponent 3"),
        (lambda: rsa.generate_private_key(3, 2048), "RSA-2048 with exponent 3, not RSA-3072 with exponent 3"),
        (lambda: ec.generate_private_key(ec.SECP256R1()), "is not an RSA key"),
    ],
    ids=["exponent", "size", "kind"],
)
def test_a_key_that_sgx_does_not_know_is_refused_with_a_hint(token, put, make, message):
    put(make())
    assert refused(token.uri(), message).hint


def test_a_wrong_pin_is_refused_and_not_repeated(token, put, key):
    put(key.to_pem(None))
    error = refused(token.uri(), "refuses the PIN", pin="9999")
    assert "9999" not in error.message + error.hint


def test_without_a_pin_the_key_is_not_seen(token, put, key):
    put(key.to_pem(None))
    assert "PIN" in refused(token.uri(), "no private keys", pin=None).hint


def test_a_key_must_be_named_unmistakably(token, put, key):
    put(key.to_pem(None))
    refused(token.uri("other"), "no private keys")
    put(SigningKey.generate().to_pem(None), number="02")
    refused(token.uri(), "2 private keys")
    with open_key(token.uri().replace("object=author", "object=author;id=%01")) as held:
        assert held.mr_signer == key.mr_signer


def test_a_token_must_be_there(token):
    refused(token.uri().replace(token.label, "nowhere"), "no tokens are as")
    refused(token.uri(more="").replace(f"token={token.label}", "manufacturer=nobody"), "no tokens are as")


def test_what_is_no_module_is_named():
    refused("pkcs11:object=x?module-path=/nowhere.so", "module `/nowhere.so` cannot be used")
    gc.collect()  # the library's half-made module goes now, not in another test
