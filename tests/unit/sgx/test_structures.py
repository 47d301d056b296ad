"""Every structure is encoded as it was read, byte for byte, or it is refused."""

import random
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.sgx import Attributes, Flags, KeyRequest, Quote, QuoteHeader, Report, ReportBody, SigStruct, TargetInfo

SHARED = settings(max_examples=50, deadline=None)
SIZES = {
    Attributes: 16,
    ReportBody: 384,
    Report: 432,
    TargetInfo: 512,
    KeyRequest: 512,
    SigStruct: 1808,
    QuoteHeader: 48,
}
# Reserved bytes, from the tables of SDM vol. 3D, chapter 37.
RESERVED = {
    ReportBody: [(20, 32), (96, 128), (160, 192), (262, 304)],
    Report: [(20, 32), (96, 128), (160, 192), (262, 304)],
    TargetInfo: [(48, 50), (56, 64), (128, 512)],
    KeyRequest: [(6, 8), (78, 512)],
    SigStruct: [(44, 128), (908, 912), (992, 1008), (1028, 1040)],
}


@SHARED
@given(data=st.data())
def test_what_is_encoded_is_read_back(structures, structure, data):
    value = data.draw(structures[structure])
    raw = value.encode()
    assert structure.parse(raw) == value
    assert structure.parse(raw).encode() == raw


@SHARED
@given(data=st.data())
def test_noise_of_the_right_size_is_encoded_as_it_was_read_or_refused(structures, structure, data):
    raw = bytearray(data.draw(structures[structure]).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    try:
        value = structure.parse(bytes(raw))
    except Malformed:
        return
    assert value.encode() == raw


@SHARED
@given(raw=st.binary(max_size=600))
def test_noise_is_encoded_as_it_was_read_or_refused(structure, raw):
    try:
        value = structure.parse(raw)
    except Malformed:
        return
    assert value.encode() == raw


@pytest.mark.parametrize("structure", SIZES, ids=lambda structure: structure.__name__)
@SHARED
@given(data=st.data())
def test_another_length_is_refused(structures, structure, data):
    raw = data.draw(structures[structure]).encode()
    assert len(raw) == structure.SIZE == SIZES[structure]
    for other in (b"", raw[:-1], raw + b"\0"):
        with pytest.raises(Malformed):
            structure.parse(other)


@pytest.mark.parametrize("structure", RESERVED, ids=lambda structure: structure.__name__)
@settings(max_examples=3)
@given(data=st.data())
def test_every_reserved_byte_must_be_zero(structures, structure, data):
    raw = data.draw(structures[structure]).encode()
    for start, end in RESERVED[structure]:
        for at in range(start, end):
            with pytest.raises(Malformed):
                structure.parse(raw[:at] + b"\1" + raw[at + 1 :])


@settings(max_examples=5)
@given(data=st.data())
def test_a_field_of_another_length_cannot_shift_the_rest(structures, structure, data):
    value = data.draw(structures[structure])
    for field in fields(value):
        content = getattr(value, field.name)
        if isinstance(content, bytes) and field.name != "qe_authentication_data":
            for other in (content[:-1], content + b"\0"):
                with pytest.raises(Malformed):
                    replace(value, **{field.name: other})


@settings(max_examples=5)
@given(data=st.data())
def test_a_cut_or_padded_quote_is_refused(structures, data):
    raw = data.draw(structures[Quote]).encode()
    for length in range(len(raw)):
        with pytest.raises(Malformed):
            Quote.parse(raw[:length])
    with pytest.raises(Malformed):
        Quote.parse(raw + b"\0")


@settings(max_examples=1)
@given(data=st.data())
def test_mutated_quotes_are_encoded_as_they_were_read_or_refused(structures, data):
    dice = random.Random(20261123)
    good = data.draw(structures[Quote]).encode()
    for _ in range(5000):
        raw = bytearray(good)
        for _ in range(dice.randint(1, 3)):
            raw[dice.randrange(len(raw))] = dice.choice([0, 1, 0x7F, 0x80, 0xFF])
        try:
            quote = Quote.parse(bytes(raw))
        except Malformed:
            continue
        assert quote.encode() == raw


@pytest.mark.parametrize("version", [0, 1, 2, 4, 5, 0x0300])
@settings(max_examples=1)
@given(data=st.data())
def test_another_version_of_the_quote_is_refused(structures, data, version):
    raw = data.draw(structures[Quote]).encode()
    with pytest.raises(Malformed, match="version"):
        Quote.parse(version.to_bytes(2, "little") + raw[2:])


@settings(max_examples=5)
@given(data=st.data())
def test_a_quote_signs_header_and_body(structures, data):
    quote = data.draw(structures[Quote])
    assert quote.signed_bytes == quote.encode()[:432]


@pytest.mark.parametrize("bit", range(2, 16))
@settings(max_examples=1)
@given(data=st.data())
def test_unknown_key_policies_are_refused(structures, data, bit):
    raw = bytearray(data.draw(structures[KeyRequest]).encode())
    raw[2:4] = (1 << bit).to_bytes(2, "little")
    with pytest.raises(Malformed, match="policy"):
        KeyRequest.parse(bytes(raw))


@pytest.mark.parametrize("name", [5, 6, 0xFFFF])
@settings(max_examples=1)
@given(data=st.data())
def test_keys_that_do_not_exist_are_refused(structures, data, name):
    raw = bytearray(data.draw(structures[KeyRequest]).encode())
    raw[0:2] = name.to_bytes(2, "little")
    with pytest.raises(Malformed, match="does not exist"):
        KeyRequest.parse(bytes(raw))


@settings(max_examples=5)
@given(data=st.data())
def test_a_target_is_the_enclave_whose_report_it_was_made_from(structures, data):
    body = data.draw(structures[ReportBody])
    target = TargetInfo.of(body)
    assert (target.mr_enclave, target.attributes, target.misc_select) == (
        body.mr_enclave,
        body.attributes,
        body.misc_select,
    )
    assert (target.config_id, target.config_svn) == (body.config_id, body.config_svn)


def test_masks_keep_the_bits_that_are_set_in_them():
    attributes = Attributes(flags=0b1110, xfrm=0b0111)
    assert attributes.masked(Attributes(flags=0b0110, xfrm=0b1010)) == Attributes(flags=0b0110, xfrm=0b0010)


def test_debug_is_the_second_bit():
    assert Attributes(flags=int(Flags.DEBUG), xfrm=0).debug
    assert Attributes(flags=2, xfrm=0).debug
    assert not Attributes(flags=int(~Flags.DEBUG & 0xFF), xfrm=0).debug
