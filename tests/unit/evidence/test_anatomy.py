"""Every byte has a name, or the whole is refused."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.evidence import quote_anatomy, report_anatomy
from caisson.tdx import TdBody, TdBody15, TdBody15Ex
from tests.unit.evidence.domains import CURRENT, DomainScene, domain


def test_a_quote_is_named_from_end_to_end(scene):
    parts = quote_anatomy(scene.quote)
    assert b"".join(part.raw for part in parts) == scene.quote
    assert (parts[0].name, parts[0].number) == ("version", 3)
    assert {part.name: part.raw for part in parts}["REPORTDATA"] == bytes(64)


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda raw: b"\7" + raw[1:]])
def test_what_is_no_quote_is_refused(scene, change):
    with pytest.raises(Malformed):
        quote_anatomy(change(scene.quote))


def test_other_kinds_are_refused_by_name():
    header = struct.pack("<HHI40x", 5, 2, 0x81)
    with pytest.raises(Malformed, match="kind 9, which does not exist"):
        quote_anatomy(header + struct.pack("<HI", 9, 0) + bytes(2000))
    body = struct.pack("<HHI40x", 4, 2, 0x81) + bytes(584) + bytes(4 + 128) + struct.pack("<HI", 5, 0)
    with pytest.raises(Malformed, match="type 5, not 6"):
        quote_anatomy(body + bytes(1000))


@pytest.mark.parametrize("version", [0, 2, 6])
def test_a_quote_of_another_version_is_refused_however_it_goes_on(platform, version):
    quote = DomainScene.on(platform, domain(TdBody), 4).quote
    with pytest.raises(Malformed, match=f"quote has version {version}, not 3, 4 or 5"):
        quote_anatomy(bytes((version,)) + quote[1:])


def test_in_version_3_the_place_of_the_tee_is_reserved(scene):
    parts = {part.name for part in quote_anatomy(scene.quote[:4] + b"\x81\0\0\0" + scene.quote[8:])}
    assert "MRENCLAVE" in parts


@given(raw=st.binary(max_size=1300))
def test_any_bytes_are_named_or_refused(raw):
    for anatomy in (quote_anatomy, report_anatomy):
        with contextlib.suppress(Malformed):
            assert b"".join(part.raw for part in anatomy(raw)) == raw


@pytest.mark.parametrize("version", range(2, 6))
def test_a_report_has_one_size(version):
    report = bytes((version,)).ljust(1184, b"\0")
    assert len(report_anatomy(report)) == 31
    for other in (report[:-1], report + b"\0"):
        with pytest.raises(Malformed):
            report_anatomy(other)


@pytest.mark.parametrize("version", [0, 1, 6])
def test_a_report_of_a_version_that_nobody_knows_is_refused(version):
    with pytest.raises(Malformed, match=f"report has version {version}, not 2 to 5"):
        report_anatomy(bytes((version,)).ljust(1184, b"\0"))


@pytest.mark.parametrize(("kind", "version"), [(TdBody, 4), (TdBody, 5), (TdBody15, 5), (TdBody15Ex, 5)])
def test_a_domains_quote_is_named_from_end_to_end(platform, kind, version):
    raw = DomainScene.on(platform, domain(kind), version).quote
    named = quote_anatomy(raw)
    assert b"".join(part.raw for part in named) == raw
    parts = {part.name: part for part in named}
    assert parts["TEE_TCB_SVN"].raw == CURRENT.value
    assert parts["outer certification data: type"].number == 6


@pytest.mark.parametrize("version", [4, 5])
def test_an_enclave_in_a_newer_quote_is_named_from_end_to_end(scene, platform, version):
    raw = DomainScene.on(platform, scene.verify().report, version).quote
    named = quote_anatomy(raw)
    assert b"".join(part.raw for part in named) == raw
    parts = {part.name: part for part in named}
    assert [part.number for part in named if part.name == "body type"] == [1] * (version == 5)
    assert parts["REPORTDATA"].raw == bytes(64)


def test_what_has_no_bytes_has_no_place(domain_scene):
    parts = {part.name for part in quote_anatomy(domain_scene.signed(authentication=b"").quote)}
    assert "size of the QE authentication data" in parts
    assert "QE authentication data" not in parts
