import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.sgx import (
    TEE_SGX,
    TEE_TDX,
    Attributes,
    BodyKind,
    CertificationData,
    CpuSvn,
    MrEnclave,
    MrSigner,
    QeSignature,
    Quote,
    Quote4,
    QuoteHeader,
    QuoteParts,
    ReportBody,
    ReportData,
    TdBodyBytes,
    parse_quote,
)

SECTION = 48 + 584 + 4


def octets(size):
    return st.binary(min_size=size, max_size=size)


bodies = st.builds(
    ReportBody,
    cpu_svn=octets(16).map(CpuSvn),
    misc_select=st.integers(0, 2**32 - 1),
    isv_ext_prod_id=octets(16),
    attributes=octets(16).map(Attributes.parse),
    mr_enclave=octets(32).map(MrEnclave),
    mr_signer=octets(32).map(MrSigner),
    config_id=octets(64),
    isv_prod_id=st.integers(0, 0xFFFF),
    isv_svn=st.integers(0, 0xFFFF),
    config_svn=st.integers(0, 0xFFFF),
    isv_family_id=octets(16),
    report_data=octets(64).map(ReportData),
)
signatures = st.builds(
    QeSignature,
    signature=octets(64),
    attestation_key=octets(64),
    qe_report=bodies,
    qe_report_signature=octets(64),
    qe_authentication_data=st.binary(max_size=40),
    certification=st.builds(CertificationData, kind=st.integers(1, 7), data=st.binary(max_size=80)),
)


def header(version, kind):
    return QuoteHeader(
        version=version,
        attestation_key_type=2,
        tee_type=kind.tee_type,
        qe_svn=0,
        pce_svn=0,
        qe_vendor_id=bytes(16),
        user_data=bytes(20),
    )


@st.composite
def quotes(draw):
    version, kind = draw(
        st.sampled_from([(4, BodyKind.SGX), (4, BodyKind.TD10), *((5, kind) for kind in BodyKind)]),
    )
    body = draw(bodies) if kind is BodyKind.SGX else TdBodyBytes(kind=kind, raw=draw(octets(kind.size)))
    return Quote4(header=header(version, kind), body=body, signature=draw(signatures))


@pytest.fixture(name="raw")
def td_quote():
    body = ReportBody.parse(bytes(ReportBody.SIZE))
    return Quote4(
        header=header(4, BodyKind.TD10),
        body=TdBodyBytes(kind=BodyKind.TD10, raw=bytes(584)),
        signature=QeSignature(
            signature=bytes(64),
            attestation_key=bytes(64),
            qe_report=body,
            qe_report_signature=bytes(64),
            qe_authentication_data=b"authentication",
            certification=CertificationData(kind=5, data=b"chain"),
        ),
    ).encode()


@given(quotes())
def test_every_quote_is_read_as_it_was_written(quote):
    raw = quote.encode()
    assert Quote4.parse(raw) == quote
    assert parse_quote(raw) == quote
    assert raw.startswith(quote.signed_bytes)


def test_version_three_is_read_as_such(raw):
    signature = Quote4.parse(raw).signature
    v3 = Quote(header=header(3, BodyKind.SGX), body=signature.qe_report, signature=signature)
    assert parse_quote(v3.encode()) == v3


def test_version_five_signs_the_kind_and_size_of_its_body(raw):
    quote = Quote4.parse(raw)
    body = TdBodyBytes(kind=BodyKind.TD15, raw=bytes(648))
    v5 = Quote4(header=header(5, BodyKind.TD15), body=body, signature=quote.signature)
    assert v5.signed_bytes[48:54] == struct.pack("<HI", 3, 648)
    assert len(v5.signed_bytes) == 48 + 6 + 648


@pytest.mark.parametrize(
    ("offset", "value", "complaint"),
    [
        (0, b"\x02\0", "version 2"),
        (0, b"\x06\0", "version 6"),
        (4, b"\x82\0\0\0", "TEE type 0x82"),
        (48 + 584, b"\0\0\0\0", "bytes too many"),
        (SECTION + 128, b"\5\0", "certification data of type 5, not 6"),
        (SECTION + 130, b"\xff\xff\xff\xff", "cut short"),
        (SECTION + 130, b"\0\0\0\0", "bytes too many"),
        (SECTION + 134 + 448, b"\xff\xff", "cut short"),
    ],
)
def test_one_wrong_field_is_refused(raw, offset, value, complaint):
    wrong = raw[:offset] + value + raw[offset + len(value) :]
    with pytest.raises(Malformed, match=complaint):
        parse_quote(wrong)


@pytest.mark.parametrize("change", [lambda raw: raw + b"\0", lambda raw: raw[:-1], lambda _: b"", lambda _: b"\4"])
def test_the_length_is_exact(raw, change):
    with pytest.raises(Malformed):
        parse_quote(change(raw))


@pytest.mark.parametrize(
    ("descriptor", "complaint"),
    [((2, 585), "not 584"), ((3, 584), "not 648"), ((0, 584), "kind 0"), ((5, 584), "kind 5"), ((1, 384), "TEE type")],
)
def test_version_five_says_truly_what_its_body_is(raw, descriptor, complaint):
    v5 = b"\5\0" + raw[2:48] + struct.pack("<HI", *descriptor) + raw[48:]
    if descriptor == (1, 384):
        v5 = v5[: 54 + 384] + v5[54 + 584 :]
    with pytest.raises(Malformed, match=complaint):
        parse_quote(v5)


def test_an_enclave_does_not_pass_for_a_trust_domain(raw):
    enclave = Quote4.parse(raw).signature.qe_report
    with pytest.raises(Malformed, match="TEE type 0x81"):
        Quote4(header=header(4, BodyKind.TD10), body=enclave, signature=Quote4.parse(raw).signature)


def test_version_four_has_no_body_of_tdx_15(raw):
    body = TdBodyBytes(kind=BodyKind.TD15, raw=bytes(648))
    with pytest.raises(Malformed, match="version 4 has a body of kind TD15"):
        Quote4(header=header(4, BodyKind.TD15), body=body, signature=Quote4.parse(raw).signature)


def test_no_other_version_is_built(raw):
    quote = Quote4.parse(raw)
    with pytest.raises(Malformed, match="version 3, not 4 or 5"):
        Quote4(header=header(3, BodyKind.TD10), body=quote.body, signature=quote.signature)
    with pytest.raises(Malformed, match="version 3, not 4 or 5"):
        Quote4.parse(b"\3\0" + raw[2:])


@pytest.mark.parametrize(("kind", "size"), [(BodyKind.SGX, 384), (BodyKind.TD10, 648), (BodyKind.TD15EX, 884)])
def test_the_bytes_of_a_trust_domain_have_the_size_of_their_kind(kind, size):
    with pytest.raises(Malformed, match="not the size of"):
        TdBodyBytes(kind=kind, raw=bytes(size))


def test_tee_types_are_those_of_the_header():
    assert [kind.tee_type for kind in BodyKind] == [TEE_SGX, TEE_TDX, TEE_TDX, TEE_TDX]


def test_mutated_quotes_are_read_exactly_or_refused(raw):
    dice = random.Random(4)
    for _ in range(3000):
        mutant = bytearray(raw)
        for _ in range(dice.randrange(1, 4)):
            mutant[dice.randrange(len(mutant))] = dice.randrange(256)
        mutant = bytes(mutant[: dice.choice([len(mutant), dice.randrange(len(mutant))])])
        try:
            quote = parse_quote(mutant)
        except Malformed:
            continue
        assert quote.encode() == mutant


@pytest.mark.parametrize("size", [0, 1, 63])
def test_a_section_without_room_for_a_signature_is_refused(size):
    raw = struct.pack("<HHI40x", 3, 2, 0) + bytes(384) + struct.pack("<I", size) + bytes(size)
    with pytest.raises(Malformed, match="less than a signature"):
        QuoteParts.parse(raw)
