"""Quotes that name their PCK and do not bring it: the collateral's chain serves if it is the one, and no other."""

from dataclasses import replace

import pytest

from caisson.errors import ChainRejected, Malformed, PlatformMismatch, QeReportRejected, QuoteRejected, UntrustedRoot
from caisson.evidence import Collateral
from caisson.platform import Machine
from caisson.sgx import CertificationKind, Quote
from tests.unit.evidence.conftest import PPIDS, pem


@pytest.mark.parametrize("kind", PPIDS)
def test_the_chain_of_the_pck_that_is_named_serves(naming, scene, kind):
    assert naming(kind).verify() == scene.verify()


@pytest.mark.parametrize("kind", [CertificationKind.PPID, CertificationKind.PPID_RSA_2048])
def test_older_quoting_enclaves_name_no_pce(naming, scene, kind):
    assert naming(kind, pce_id=None).verify() == scene.verify()


@pytest.mark.parametrize("kind", PPIDS)
def test_without_the_chain_the_reason_says_what_is_missing(naming, kind):
    with pytest.raises(QuoteRejected, match=f"type {kind:d} .*does not bring it") as caught:
        naming(kind, given=None).verify()
    assert "pck_certificate_chain" in caught.value.hint


def test_what_was_good_with_its_chain_is_refused_without(naming):
    assert naming().verify()
    with pytest.raises(QuoteRejected):
        naming(given=None).verify()
    assert naming().verify()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"kind": CertificationKind.PPID, "ppid": b"O" * 16}, "PPID"),
        ({"cpu_svn": None}, "CPUSVN"),
        ({"pce_svn": 0xFFFF}, "PCESVN"),
        ({"pce_id": b"\xff\xff"}, "PCE-ID"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_chain_of_another_pck_than_the_named_one_is_refused(naming, scene, change, word):
    """Whatever chain it is, and although the REPORT is signed by it: the quote says something else."""
    if "cpu_svn" in change:
        other = scene.verify().pck.cpu_svn
        change = {"cpu_svn": type(other)(bytes([other.value[0] ^ 1, *other.value[1:]]))}
    with pytest.raises(PlatformMismatch, match=f"names a PCK of {word} "):
        naming(**change).verify()


def test_the_pck_of_another_platform_did_not_sign_the_report(naming, platform, scene):
    """An encrypted PPID names nobody to us; the signature does."""
    provisioning = platform.provisioning
    other = provisioning.pck_ca.pck(machine=Machine(ppid=b"O" * 16), now=scene.at)
    foreign = pem(other.certificate, provisioning.pck_ca.certificate, provisioning.root.certificate).decode()
    with pytest.raises(QeReportRejected):
        naming(given=foreign).verify()


def test_the_chain_is_checked_like_any_other(naming, make_platform, platform):
    with pytest.raises(UntrustedRoot):
        naming(given=make_platform().provisioning.pck_chain).verify()
    with pytest.raises(ChainRejected):
        naming(given=platform.provisioning.signer_chain).verify()
    with pytest.raises(Malformed):
        naming(given="").verify()


def test_a_quote_that_brings_its_chain_is_verified_with_that(scene):
    assert scene.with_collateral(pck_certificate_chain="anything").verify() == scene.verify()
    with pytest.raises(ChainRejected):
        scene.with_chain(scene.platform.provisioning.pck.certificate).with_collateral(
            pck_certificate_chain=scene.platform.provisioning.pck_chain
        ).verify()


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_a_name_has_one_form(scene, kind):
    section = Quote.parse(scene.quote).signature
    with pytest.raises(Malformed, match=f"type {kind}"):
        scene.with_signature(certification=replace(section.certification, kind=kind)).verify()


def test_collateral_keeps_the_chain_and_is_the_same_without(scene, pck_chain):
    with_chain = Collateral.parse(scene.collateral | {"pck_certificate_chain": pck_chain})
    without = Collateral.parse(scene.collateral | {"pck_certificate_chain": None})
    assert with_chain == without
    assert Collateral.parse(with_chain.encode()).pck_certificate_chain == pck_chain.encode()
    assert Collateral.parse(without.encode()).pck_certificate_chain is None
    with pytest.raises(Malformed, match="pck_certificate_chain"):
        Collateral.parse(scene.collateral | {"pck_certificate_chain": 1})
