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
from caisson.evidence import check_activation, check_own_activation, check_own_signatures, check_signatures
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


# Quotes that only name their PCK.


def test_what_a_quote_shows_without_its_chain_is_its_own_signature_and_the_one_key(naming, scene, domain_scene):
    named = naming(given=None)
    for each in (named, scene):
        assert check_own_signatures(each.quote) == Quote.parse(scene.quote).body.report_data
    assert check_own_signatures(domain_scene.quote) == domain_scene.body.report_data
    with pytest.raises(AttestationKeyRejected):
        check_own_signatures(named.with_signature(attestation_key=bytes(64)).quote)
    with pytest.raises(QuoteSignatureRejected):
        check_own_signatures(named.with_signature(signature=bytes(64)).quote)
    with pytest.raises(Malformed):
        check_own_signatures(b"")


def test_anybody_can_make_what_is_seen_without_a_chain(make_scene):
    """That is why it is no reason to ask as often as anybody likes."""
    check_own_signatures(make_scene(machine=Machine(ppid=bytes(16), fmspc=b"FORGED")).quote)


def test_with_the_chain_it_shows_as_much_as_a_quote_that_brings_it(naming, scene, pck_chain, make_scene):
    named, chain = naming(given=None), pck_chain.encode()
    with pytest.raises(QuoteRejected, match="does not bring it"):
        check(named)
    assert check_signatures(named.quote, roots=named.roots, at=named.at, chain=chain)
    certification = Quote.parse(named.quote).signature.certification
    forged = make_scene().with_signature(certification=certification).quote
    with pytest.raises(QeReportRejected):
        check_signatures(forged, roots=scene.roots, at=scene.at, chain=chain)


def test_evidence_that_is_about_something_else_is_refused_before_its_chain_is_there(activation):
    check_own_activation(activation)
    with pytest.raises(BindingRejected):
        check_own_activation(replace(activation, runtime_data=activation.runtime_data + b" "))
