"""What is checked before anybody is asked for collateral: each signature up to a root, and what the quote is about."""

from dataclasses import replace
from datetime import timedelta

import pytest

from caisson.errors import (
    AttestationKeyRejected,
    BindingRejected,
    Expired,
    Malformed,
    QeReportRejected,
    QuoteRejected,
    QuoteSignatureRejected,
    UntrustedRoot,
)
from caisson.evidence import check_activation, check_signatures
from caisson.platform import Machine
from caisson.platform.standing import Revocable
from caisson.sgx import CertificationKind, Quote


def check(scene):
    return check_signatures(scene.quote, roots=scene.roots, at=scene.at)


def test_a_good_quote_shows_its_report_data(scene, domain_scene):
    assert check(scene) == Quote.parse(scene.quote).body.report_data
    assert check(domain_scene) == domain_scene.body.report_data


def test_it_does_not_depend_on_collateral(make_scene):
    """Nor does it replace it: only that knows who was revoked."""
    check(make_scene(revoked=frozenset({Revocable.PCK})))


def test_a_quote_of_a_made_up_platform_under_a_made_up_root_is_refused(scene, make_scene):
    forged = make_scene(machine=Machine(ppid=bytes(16), fmspc=b"FORGED"))
    with pytest.raises(UntrustedRoot):
        check(replace(forged, roots=scene.roots))


def test_a_real_platforms_chain_before_a_made_up_quote_is_refused(scene, make_scene):
    certification = Quote.parse(scene.quote).signature.certification
    with pytest.raises(QeReportRejected):
        check(replace(make_scene().with_signature(certification=certification), roots=scene.roots))


def test_a_quote_with_another_key_or_another_body_is_refused(scene, debug_scene):
    with pytest.raises(AttestationKeyRejected):
        check(scene.with_signature(attestation_key=bytes(64)))
    with pytest.raises(QuoteSignatureRejected):
        check(scene.with_signature(signature=Quote.parse(debug_scene.quote).signature.signature))


def test_a_quote_under_a_certificate_of_another_time_is_refused(scene):
    with pytest.raises(Expired):
        check(replace(scene, at=scene.at + timedelta(days=36500)))


def test_what_brings_no_chain_or_is_no_quote_is_refused(scene):
    certification = replace(Quote.parse(scene.quote).signature.certification, kind=CertificationKind.PCK_LEAF)
    with pytest.raises(QuoteRejected):
        check(scene.with_signature(certification=certification))
    with pytest.raises(Malformed):
        check(replace(scene, quote=b"quote"))


def test_a_genuine_quote_about_something_else_is_refused(activation, scene):
    check_activation(activation, roots=scene.roots, at=scene.at)
    with pytest.raises(BindingRejected):
        check_activation(replace(activation, quote=scene.quote), roots=scene.roots, at=scene.at)
