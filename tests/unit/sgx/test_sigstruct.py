"""SIGSTRUCT: its constants, its date, and what of it is signed."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.sgx import SigStruct


@pytest.mark.parametrize("at", [*range(16), *range(24, 40)])
@settings(max_examples=1)
@given(data=st.data())
def test_every_byte_of_the_constants_counts(structures, data, at):
    raw = bytearray(data.draw(structures[SigStruct]).encode())
    raw[at] ^= 0x10
    with pytest.raises(Malformed, match="header"):
        SigStruct.parse(bytes(raw))


@settings(max_examples=5)
@given(data=st.data())
def test_the_date_is_stored_from_day_to_century(structures, data):
    sigstruct = data.draw(structures[SigStruct])
    century_first = bytes.fromhex(sigstruct.date)
    assert sigstruct.encode()[20:24] == century_first[::-1]


@pytest.mark.parametrize("byte", [0x0A, 0xA0, 0xFF])
@settings(max_examples=1)
@given(data=st.data())
def test_a_date_that_is_not_decimal_is_refused(structures, data, byte):
    raw = bytearray(data.draw(structures[SigStruct]).encode())
    raw[20] = byte
    with pytest.raises(Malformed, match="date"):
        SigStruct.parse(bytes(raw))


@settings(max_examples=5)
@given(data=st.data())
def test_header_and_body_are_signed(structures, data):
    sigstruct = data.draw(structures[SigStruct])
    raw = sigstruct.encode()
    assert sigstruct.signed_bytes == raw[:128] + raw[900:1028]


@settings(max_examples=5)
@given(data=st.data())
def test_mrsigner_is_the_hash_of_the_modulus(structures, data):
    sigstruct = data.draw(structures[SigStruct])
    assert sigstruct.mr_signer.value == sha256(sigstruct.encode()[128:512]).digest()
