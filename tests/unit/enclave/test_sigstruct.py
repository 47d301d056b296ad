"""SIGSTRUCT: take a good one, change one thing, and it is refused."""

from dataclasses import replace
from hashlib import sha256

import pytest

from caisson.enclave import SigningKey, attach_signature, measure, sign, unsigned_sigstruct, verify_sigstruct
from caisson.errors import Malformed, SignatureRejected, UsageError
from caisson.sgx import Attributes, MrEnclave, SigStruct

KEY_FIELDS = [*range(128, 900), *range(1040, 1808)]


@pytest.fixture(scope="module")
def good(pal, manifest, key):
    return sign(pal, manifest, key, date="2026-11-23")


def test_a_good_one_proves_its_author(good, key):
    assert verify_sigstruct(good) == key.mr_signer == good.mr_signer
    assert verify_sigstruct(SigStruct.parse(good.encode())) == key.mr_signer


def test_it_says_what_the_manifest_says(good, pal, manifest):
    assert good.mr_enclave == measure(pal, manifest)
    assert (good.isv_prod_id, good.isv_svn, good.date) == (7, 2, "20261123")


def test_the_same_input_gives_the_same_bytes(good, pal, manifest, key):
    assert sign(pal, manifest, key, date="2026-11-23").encode() == good.encode()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"mr_enclave": MrEnclave(bytes(32))}, id="measurement"),
        pytest.param({"attributes": Attributes(flags=6, xfrm=3)}, id="debug"),
        pytest.param({"attribute_mask": Attributes(flags=0, xfrm=0)}, id="mask"),
        pytest.param({"misc_select": 1}, id="misc select"),
        pytest.param({"misc_mask": 0}, id="misc mask"),
        pytest.param({"isv_prod_id": 8}, id="product"),
        pytest.param({"isv_svn": 3}, id="security version"),
        pytest.param({"date": "20261124"}, id="date"),
        pytest.param({"vendor": 0x8086}, id="vendor"),
        pytest.param({"isv_family_id": b"\1" * 16}, id="family"),
        pytest.param({"exponent": 65537}, id="exponent"),
        pytest.param({"exponent": 1}, id="exponent that signs everything"),
        pytest.param({"modulus": bytes(384)}, id="no modulus"),
        pytest.param({"modulus": b"\0" + b"\xff" * 383}, id="even modulus"),
        pytest.param({"modulus": b"\xff" * 383 + b"\x7f"}, id="short modulus"),
        pytest.param({"signature": bytes(384), "q1": bytes(384), "q2": bytes(384)}, id="signature zero"),
        pytest.param({"signature": b"\1" + bytes(383), "q1": bytes(384), "q2": bytes(384)}, id="signature one"),
        pytest.param({"signature": b"\xff" * 384}, id="signature above the modulus"),
        pytest.param({"q1": bytes(384)}, id="q1"),
        pytest.param({"q2": bytes(384)}, id="q2"),
    ],
)
def test_one_change_is_refused(good, change):
    with pytest.raises(SignatureRejected):
        verify_sigstruct(replace(good, **change))


def test_every_single_byte_counts(good):
    raw = good.encode()
    for at in range(SigStruct.SIZE):
        changed = bytearray(raw)
        changed[at] ^= 1 << at % 8
        with pytest.raises((Malformed, SignatureRejected)):
            verify_sigstruct(SigStruct.parse(bytes(changed)))


def test_another_authors_key_cannot_be_put_in(good):
    other = SigningKey.generate()
    with pytest.raises(SignatureRejected):
        verify_sigstruct(replace(good, modulus=other.modulus.to_bytes(384, "little")))


@pytest.mark.parametrize("modulus", [(1 << 3072) - 1, (1 << 3071) + 1, 3**1938])
@pytest.mark.parametrize("signature", [0, 1, 2, (1 << 3071) - 1])
def test_numbers_that_fit_each_other_are_no_signature(good, modulus, signature):
    q1, rest = divmod(signature**2, modulus)
    numbers = {"modulus": modulus, "signature": signature, "q1": q1, "q2": rest * signature // modulus}
    with pytest.raises(SignatureRejected, match="does not verify"):
        verify_sigstruct(replace(good, **{name: number.to_bytes(384, "little") for name, number in numbers.items()}))


def test_signing_can_be_done_elsewhere_and_later(good, pal, manifest, key):
    unsigned = unsigned_sigstruct(pal, manifest, date="2026-11-23")
    assert len(unsigned.signed_bytes) == 256
    signature = key.sign(unsigned.signed_bytes)
    assert attach_signature(unsigned, modulus=key.modulus, signature=signature) == good


def test_an_unsigned_one_proves_nothing(pal, manifest):
    with pytest.raises(SignatureRejected):
        verify_sigstruct(unsigned_sigstruct(pal, manifest, date="0000-00-00"))


@pytest.mark.parametrize("signature", [b"", bytes(384), b"\xff" * 384, b"\1" * 400])
def test_what_is_no_signature_is_not_attached(pal, manifest, key, signature):
    unsigned = unsigned_sigstruct(pal, manifest, date="0000-00-00")
    with pytest.raises(SignatureRejected):
        attach_signature(unsigned, modulus=key.modulus, signature=signature)


def test_a_signature_over_something_else_is_not_attached(pal, manifest, key):
    unsigned = unsigned_sigstruct(pal, manifest, date="0000-00-00")
    with pytest.raises(SignatureRejected):
        attach_signature(unsigned, modulus=key.modulus, signature=key.sign(b"something else"))


def test_only_header_and_body_are_signed(pal, manifest):
    raw = unsigned_sigstruct(pal, manifest, date="0000-00-00").encode()
    signed = SigStruct.parse(raw).signed_bytes
    rest = bytes(byte for at, byte in enumerate(raw) if at not in KEY_FIELDS)
    assert sha256(signed + bytes(12)).digest() == sha256(rest).digest()


@pytest.mark.parametrize(
    "date",
    ["", "2026", "20261123", "2026-11-31", "2026-13-01", "0000-01-01", "2026-W47-1", "2026-11-23\n", "٢٠٢٦-11-23"],
)
def test_what_is_no_date_is_refused(pal, manifest, key, date):
    with pytest.raises(UsageError):
        sign(pal, manifest, key, date=date)
