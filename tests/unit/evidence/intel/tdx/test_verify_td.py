"""The argument for trust domains as a whole: a good quote is genuine; change one thing, and one step refuses it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from caisson.errors import (
    Malformed,
    QeIdentityRejected,
    QeMismatch,
    QuoteRejected,
    QuoteSignatureRejected,
    TcbInfoRejected,
    TdxModuleMismatch,
)
from caisson.evidence import Collateral, TcbStatus, VerifiedTd, verify_quote
from caisson.sgx import Quote4, TdBodyBytes
from caisson.tdx import MrSignerSeam, SeamAttributes, TdAttributes, TdBody, TdBody15, TdBody15Ex, TeeTcbSvn
from tests.unit.evidence.conftest import Scene
from tests.unit.evidence.domains import BASE, CURRENT, OLDER, DomainScene, domain, module, module_level


@pytest.mark.parametrize(("kind", "version"), [(TdBody, 4), (TdBody, 5), (TdBody15, 5), (TdBody15Ex, 5)])
def test_a_good_quote_is_genuine_whatever_its_version(platform, kind, version):
    body = domain(kind)
    verified = DomainScene.on(platform, body, version).verify()
    assert isinstance(verified, VerifiedTd)
    assert verified.body == body
    assert verified.tcb.status is TcbStatus.UP_TO_DATE
    assert (verified.current_tcb is None) is (kind is TdBody)
    assert not verified.debug
    assert verified.expires == verified.verified_at + timedelta(days=30)


@pytest.mark.parametrize("version", [4, 5])
def test_the_newer_versions_carry_enclaves_too(platform, scene, version):
    report = Scene.of(platform).verify().report
    verified = DomainScene.on(platform, report, version).verify()
    assert verified.report == report
    assert verified.tcb == scene.verify().tcb


def test_a_domain_is_no_enclave(domain_scene):
    with pytest.raises(QuoteRejected, match="trust domain"):
        verify_quote(
            domain_scene.quote,
            Collateral.parse(domain_scene.collateral),
            roots=domain_scene.roots,
            at=domain_scene.at,
        )


def test_a_domain_under_debug_is_genuine_and_says_so(domain_scene):
    assert domain_scene.signed(body=domain(td_attributes=TdAttributes(b"\1" + bytes(7)))).verify().debug


def test_statements_about_enclaves_say_nothing_about_domains(domain_scene, scene):
    """And the reverse: the TCB info of the other kind would leave out the module."""
    for part, error in (("tcb_info", TcbInfoRejected), ("qe_identity", QeIdentityRejected)):
        names = (part, f"{part}_signature")
        with pytest.raises(error):
            domain_scene.with_collateral(**{name: scene.collateral[name] for name in names}).verify()
        with pytest.raises(error):
            scene.with_collateral(**{name: domain_scene.collateral[name] for name in names}).verify()


def test_a_domains_body_is_what_was_signed(domain_scene):
    quote = Quote4.parse(domain_scene.quote)
    other = TdBodyBytes(kind=quote.kind, raw=domain(tee_tcb_svn2=OLDER).encode())
    with pytest.raises(QuoteSignatureRejected):
        domain_scene.verify(quote=replace(quote, body=other).encode())


def test_the_kind_of_the_body_is_signed_too(domain_scene):
    """In version 5 it stands between header and body."""
    quote = Quote4.parse(domain_scene.quote)
    raw = domain(TdBody).encode()
    smaller = replace(quote, body=TdBodyBytes(kind=type(quote.kind).TD10, raw=raw))
    with pytest.raises(QuoteSignatureRejected):
        domain_scene.verify(quote=smaller.encode())


def test_another_enclave_cannot_vouch_for_a_domain(domain_scene, platform):
    """It is signed for by the same platform; the identity of the quoting enclave tells them apart."""
    other = replace(platform.quoting_enclave.identity, isv_prod_id=99)
    with pytest.raises(QeMismatch, match="ISVPRODID"):
        domain_scene.signed(qe=other).verify()


@pytest.mark.parametrize(
    "change",
    [
        {"mr_signer_seam": MrSignerSeam(b"M" * 48)},
        {"seam_attributes": SeamAttributes(b"\1" + bytes(7))},
        {"tee_tcb_svn": TeeTcbSvn(bytes([5, 2, 3]).ljust(16, b"\0"))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_module_that_the_root_does_not_know_is_refused(domain_scene, change):
    with pytest.raises(TdxModuleMismatch):
        domain_scene.signed(body=domain(**change)).verify()


def test_what_the_platform_lacks_counts_however_good_the_module_is(domain_scene):
    """Of a module from 1.5 on its identity says the version; the platform's own level must not be lost for it."""

    def raise_bar(info):
        info["tcbLevels"][0]["tcb"]["pcesvn"] = 99

    verified = domain_scene.with_statement("tcb_info", raise_bar).verify()
    assert verified.tcb.status is TcbStatus.OUT_OF_DATE
    assert verified.current_tcb.status is TcbStatus.OUT_OF_DATE


@pytest.mark.parametrize(
    ("launch", "now", "status"),
    [
        (CURRENT, CURRENT, TcbStatus.UP_TO_DATE),
        (OLDER, OLDER, TcbStatus.OUT_OF_DATE),
        (OLDER, CURRENT, TcbStatus.TD_RELAUNCH_ADVISED),
        (CURRENT, OLDER, TcbStatus.UP_TO_DATE),
    ],
)
def test_a_domain_is_what_it_was_launched_on_and_what_runs_now(domain_scene, launch, now, status):
    verified = domain_scene.signed(body=domain(tee_tcb_svn=launch, tee_tcb_svn2=now)).verify()
    assert verified.tcb.status is status


def test_a_module_of_tdx_10_is_rated_with_the_platform(domain_scene):
    assert domain_scene.signed(body=domain(TdBody, tee_tcb_svn=BASE), version=4).verify().tcb.status == "UpToDate"
    older = TeeTcbSvn(bytes([4, 0, 3]).ljust(16, b"\0"))
    assert domain_scene.signed(body=domain(TdBody, tee_tcb_svn=older), version=4).verify().tcb.status == "OutOfDate"


def test_a_module_whose_level_is_revoked_revokes_the_domain(domain_scene):
    levels = [module_level("Revoked", 0)]
    revoked = domain_scene.with_statement(
        "tcb_info", lambda info: info.update(tdxModuleIdentities=[module(id="TDX_01", tcbLevels=levels)])
    )
    assert revoked.verify().tcb.status is TcbStatus.REVOKED


@pytest.mark.parametrize("size", [0, 15, 17])
@pytest.mark.parametrize("name", ["sgxtcbcomponents", "tdxtcbcomponents"])
def test_component_lists_that_were_cut_are_refused(domain_scene, name, size):
    """Comparing only what both sides have would let any platform pass an empty list."""

    def cut(info):
        for level in info["tcbLevels"]:
            level["tcb"][name] = (level["tcb"][name] * 2)[:size]

    with pytest.raises(Malformed, match=name):
        domain_scene.with_statement("tcb_info", cut).verify()


def test_tcb_info_without_components_for_domains_is_refused(domain_scene):
    def forget(info):
        for level in info["tcbLevels"]:
            del level["tcb"]["tdxtcbcomponents"]

    with pytest.raises(Malformed, match="tdxtcbcomponents"):
        domain_scene.with_statement("tcb_info", forget).verify()
