"""Evidence is told by its first bytes, and what it holds is shown without being believed."""

import contextlib
import struct
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import CaissonError, Malformed
from caisson.evidence import (
    EVIDENCE_FORMS,
    Evidence,
    EvidenceForm,
    evidence_extension,
)
from caisson.tdx import TdBody, TdBody15
from tests.unit.evidence.domains import DomainScene, domain

BODIES = {4: TdBody, 5: TdBody15}


@pytest.fixture(scope="module")
def certificate(activation, tls_key, scene):
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, tls_key.public_key(), 1, scene.at, scene.at + timedelta(hours=1))
    return builder.add_extension(evidence_extension(activation), critical=False).sign(tls_key, SHA256())


def test_each_form_is_recognised_and_gives_its_quote(scene, activation, certificate):
    for raw, form, quote in (
        (scene.quote, EvidenceForm.QUOTE, scene.quote),
        (activation.encode(), EvidenceForm.ACTIVATION, activation.quote),
        (certificate.public_bytes(Encoding.DER), EvidenceForm.CERTIFICATE, activation.quote),
        (certificate.public_bytes(Encoding.PEM), EvidenceForm.CERTIFICATE, activation.quote),
        (b"\n" + certificate.public_bytes(Encoding.PEM) + b"\r\n\n", EvidenceForm.CERTIFICATE, activation.quote),
    ):
        found = Evidence.recognise(raw)
        assert (found.form, found.quote, found.raw) == (form, quote, raw)


def test_a_report_is_no_quote():
    found = Evidence.recognise(b"\3".ljust(1184, b"\0"))
    assert found.form is EvidenceForm.SNP_REPORT
    with pytest.raises(Malformed, match="no quote"):
        _ = found.quote


ANSWER = struct.pack("<II24x", 0, 1184)
AZURE = b"HCLA" + bytes(28)
OF_SNP = struct.pack("<5I", 27, 1, 2, 1, 7) + b"whatever"


@pytest.mark.parametrize("size", [1184, 1216, 4000])
@pytest.mark.parametrize(("before", "after"), [(b"", b""), (ANSWER, b""), (AZURE, OF_SNP)])
def test_a_report_is_taken_out_of_what_it_comes_in(before, after, size):
    report = b"\3\0\0\0" + bytes(range(1, 60)) * 20
    found = Evidence.recognise((before + report + after).ljust(size, b"\0"))
    assert (found.form, found.raw) == (EvidenceForm.SNP_REPORT, report)


@pytest.mark.parametrize(
    "raw",
    [
        b"\3".ljust(1183, b"\0"),
        bytes(1184) + b"\1",
        ANSWER + bytes(1183),
        ANSWER + bytes(1184) + b"\1",
        struct.pack("<II24x", 1, 1184) + bytes(1184) + b"\1",
        # A quote that names its PCK by a PPID in the clear is shorter, and may come in a buffer filled up with zeros;
        # with more authentication data it has the very size of a report.
        (b"\3\0\2\0" + b"q" * 1084).ljust(4096, b"\0"),
        b"\3\0\2\0" + b"q" * 1180,
        AZURE + bytes(1184),
        AZURE + bytes(1184) + OF_SNP[:11],
        AZURE + bytes(1184) + struct.pack("<5I", 27, 1, 4, 1, 7),
    ],
)
def test_what_only_looks_like_a_report_in_something_is_none(raw):
    assert Evidence.recognise(raw).form is EvidenceForm.QUOTE


@pytest.mark.parametrize("version", [3, 4, 5])
def test_a_quote_is_taken_out_of_a_buffer_that_is_filled_up_with_zeros(scene, platform, version):
    quote = scene.quote if version == 3 else DomainScene.on(platform, domain(BODIES[version]), version).quote
    for padded in (quote, quote + b"\0", quote.ljust(8000, b"\0")):
        assert Evidence.recognise(padded).quote == quote
    for other in (quote + b"\1", quote.ljust(7999, b"\0") + b"\1", quote[:-1], quote[:500], quote[:40]):
        assert Evidence.recognise(other).quote == other
    with pytest.raises(Malformed, match="too many"):
        scene.verify(quote=quote + b"\0")


@pytest.mark.parametrize("raw", [b"{}", b"\x30\x82", b"-----BEGIN CERTIFICATE-----", bytes((1 << 20) + 1)])
def test_what_begins_well_must_go_on_well(raw):
    with pytest.raises(Malformed):
        Evidence.recognise(raw)


def test_evidence_has_a_size(scene):
    most = scene.quote.ljust(1 << 20, b"\1")
    assert Evidence.recognise(most).raw == most
    for other in (b"", most + b"\1"):
        with pytest.raises(Malformed, match=f"evidence has {len(other)} bytes, which is nothing, or more than"):
            Evidence.recognise(other)


def test_of_several_certificates_the_first_carries_the_evidence(certificate, activation, pck_chain):
    chain = certificate.public_bytes(Encoding.PEM) + pck_chain.encode()
    assert Evidence.recognise(chain).quote == activation.quote


@pytest.mark.parametrize("size", [1, 1184, 4096])
def test_a_buffer_that_nobody_filled_is_no_evidence(size):
    with pytest.raises(Malformed, match="nothing but zeros") as caught:
        Evidence.recognise(bytes(size))
    assert caught.value.hint == EVIDENCE_FORMS


def test_json_with_white_space_before_it_is_told_as_json():
    with pytest.raises(Malformed, match="activation evidence is not a JSON object in canonical form"):
        Evidence.recognise(b"\n{}")


@given(raw=st.binary(max_size=100) | st.binary(max_size=50).map(lambda tail: b"\x30\x82" + tail))
def test_any_bytes_are_recognised_or_refused(raw):
    with contextlib.suppress(CaissonError):
        assert Evidence.recognise(raw).raw == raw
