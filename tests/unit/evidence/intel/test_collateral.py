"""Collateral bundles: exact members, the same bytes again, nothing outside the error tree, and read without belief."""

import json
from datetime import timedelta

import dcap_qvl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.evidence import Collateral, statements_of

texts = st.text(st.characters(codec="utf-8")).map(str.encode)
collaterals = st.builds(
    Collateral,
    pck_crl_issuer_chain=texts,
    root_ca_crl=st.binary(),
    pck_crl=st.binary(),
    tcb_info_issuer_chain=texts,
    tcb_info=texts,
    tcb_info_signature=st.binary(min_size=64, max_size=64),
    qe_identity_issuer_chain=texts,
    qe_identity=texts,
    qe_identity_signature=st.binary(min_size=64, max_size=64),
)


@given(collaterals)
def test_what_is_written_is_read_again(collateral):
    raw = collateral.encode()
    assert Collateral.parse(raw) == collateral
    assert Collateral.parse(raw).encode() == raw
    assert Collateral.parse(json.loads(raw)) == collateral


def test_other_verifiers_read_what_is_written(scene):
    written = Collateral.parse(scene.collateral).encode()
    quote, root = scene.quote, scene.platform.root_certificate
    parsed = dcap_qvl.QuoteCollateralV3.from_json(written.decode())
    assert dcap_qvl.verify_with_root_ca(quote, parsed, root, int(scene.at.timestamp())).status == "UpToDate"


@pytest.mark.parametrize("member", ["pck_crl", "tcb_info", "qe_identity_signature"])
def test_nothing_is_optional(scene, member):
    with pytest.raises(Malformed, match=member):
        Collateral.parse({name: value for name, value in scene.collateral.items() if name != member})


@pytest.mark.parametrize(
    "change",
    [
        {"unknown": ""},
        {"pck_crl": "xy"},
        {"pck_crl": "0"},
        {"pck_crl": "00 00"},
        {"pck_crl": None},
        {"tcb_info": {}},
        {"tcb_info": "\ud800"},
        {"tcb_info_signature": "00" * 63},
        {"qe_identity_signature": "00" * 65},
    ],
    ids=str,
)
def test_members_of_another_form_are_refused(scene, change):
    with pytest.raises(Malformed):
        Collateral.parse(scene.collateral | change)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b"{" * 9999, b'{"tcb_info":"","tcb_info":""}'])
def test_what_is_no_bundle_is_refused(raw):
    with pytest.raises(Malformed):
        Collateral.parse(raw)


def test_a_bundle_that_is_too_large_is_not_even_read():
    with pytest.raises(Malformed, match="more than"):
        Collateral.parse(b" " * (8 * 1024 * 1024 + 1))


@pytest.mark.parametrize("member", ["pck_crl_issuer_chain", "tcb_info_issuer_chain", "pck_certificate_chain"])
def test_a_chain_that_is_longer_than_any_is_refused(scene, member):
    """It would be remembered with what was verified, whether anybody reads it or not."""
    assert Collateral.parse(scene.collateral | {member: "x" * 16 * 1024})
    with pytest.raises(Malformed, match=f"`{member}` has 16385 bytes"):
        Collateral.parse(scene.collateral | {member: "x" * (16 * 1024 + 1)})


def test_a_bundle_says_when_its_first_part_is_due(scene):
    assert Collateral.parse(scene.collateral).next_update == scene.at + timedelta(days=30)
    sooner = scene.with_statement("tcb_info", lambda info: info.update(nextUpdate="2026-11-24T00:00:00Z"))
    assert Collateral.parse(sooner.collateral).next_update == scene.at + timedelta(hours=12)
    for change in ({"pck_crl": "00"}, {"tcb_info": "{}"}, {"qe_identity": "x"}):
        with pytest.raises(Malformed):
            _ = Collateral.parse(scene.collateral | change).next_update


def test_what_collateral_says_can_be_read_without_believing_it(scene):
    said = statements_of(Collateral.parse(scene.collateral))
    assert (said.tcb_info.identity, said.qe_identity.identity, said.fmspc) == ("SGX", "QE", "CA1550000000")
    assert said.tcb_info.evaluation_data_number == said.qe_identity.evaluation_data_number == 20
    assert (said.tcb_info.levels, said.qe_identity.levels) == (2, 1)
    assert said.tcb_info.issued < said.tcb_info.next_update
    old = scene.with_statement("tcb_info", lambda statement: statement.pop("id"))
    assert statements_of(Collateral.parse(old.collateral)).tcb_info.identity == "SGX"
    with pytest.raises(Malformed):
        statements_of(Collateral.parse(scene.with_collateral(tcb_info="{}").collateral))
