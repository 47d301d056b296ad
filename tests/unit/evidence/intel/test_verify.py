"""The argument as a whole: a good quote is genuine; change one thing, and one step refuses it."""

import importlib
import pkgutil
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caisson import evidence
from caisson.errors import (
    AttestationKeyRejected,
    CertificateRevoked,
    ChainRejected,
    CrlRejected,
    Expired,
    Malformed,
    NotYetValid,
    PlatformMismatch,
    QeIdentityRejected,
    QeMismatch,
    QeReportRejected,
    QuoteRejected,
    QuoteSignatureRejected,
    TcbInfoRejected,
    UntrustedRoot,
    UsageError,
)
from caisson.evidence import Certificate, MemoryProtection, RootKey, TcbStatus
from caisson.evidence.intel.tcb_status import NOT_SUPPORTED
from caisson.evidence.intel.trusted import trust
from caisson.evidence.intel.vouching import certified_key
from caisson.evidence.snp.endorsement import endorse
from caisson.platform import Machine, PckCa, Revocable
from caisson.platform.signing import sign_p256
from caisson.sgx import Quote, ReportData
from tests.unit.evidence.conftest import pem

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
WINDOWS = [(SECOND, DAY, NotYetValid), (-DAY, -SECOND, Expired)]
PATHS = {
    "quote": ("pck", "pck_ca", "root"),
    "pck_crl_issuer_chain": ("pck_ca", "root"),
    "tcb_info_issuer_chain": ("tcb_signer", "root"),
    "qe_identity_issuer_chain": ("tcb_signer", "root"),
}


CERTIFICATES = [
    pytest.param(where, at, id=f"{where} {path[at]}") for where, path in PATHS.items() for at in range(len(path))
]


@pytest.fixture
def reissue(reissued):
    """Give the scene with another certificate of one key in one place, and that certificate's name."""

    def make(scene, where, which, **changes):
        path = [getattr(scene.platform.provisioning, name) for name in PATHS[where]]
        certificates = [each.certificate for each in path]
        certificates[which] = reissued(certificates[which], path[min(which + 1, len(path) - 1)].key, **changes)
        name = Certificate.of(certificates[which]).common_name
        if where == "quote":
            return scene.with_chain(*certificates), name
        return scene.with_collateral(**{where: pem(*certificates).decode()}), name

    return make


def revocation_list(issuer, begins, ends, *, revoked=()):
    """Give a list in hexadecimal digits."""
    builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, begins, ends)
    for serial in revoked:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, begins).build())
    signed = builder.add_extension(x509.CRLNumber(1), critical=False).sign(issuer.key, SHA256())
    return signed.public_bytes(Encoding.DER).hex()


def section(quote):
    return Quote.parse(quote).signature


def test_a_good_quote_is_genuine(scene):
    verified = scene.verify()
    assert verified.report == Quote.parse(scene.quote).body
    assert verified.root_name == "Caisson Software SGX Root CA (protects nothing)"
    assert verified.tcb.status is TcbStatus.UP_TO_DATE
    assert verified.tcb.advisories == ()
    assert verified.tcb_evaluation_data_number == 20
    assert verified.verified_at == scene.at
    assert verified.expires == scene.at + timedelta(days=30)
    assert not verified.on_hardware


def test_the_pck_says_which_machine_it_is(scene, make_scene):
    single = scene.verify().pck
    assert single.platform_instance is None
    assert (single.dynamic_platform, single.cached_keys, single.smt_enabled) == (None, None, None)
    assert single.memory_protection is MemoryProtection.STANDARD
    machine = Machine(ppid=b"P" * 16, fmspc=b"FMSPC!", pce_id=b"\1\2", pce_svn=300, ca=PckCa.PLATFORM)
    several = make_scene(machine=machine).verify().pck
    assert several.ppid.value == several.platform_instance.value == b"P" * 16
    assert (several.fmspc.value, several.pce_id.value, several.pce_svn) == (b"FMSPC!", b"\1\2", 300)
    assert (several.dynamic_platform, several.cached_keys, several.smt_enabled) == (True, True, True)
    assert several.memory_protection is MemoryProtection.SCALABLE


# 1. The quote.


@pytest.mark.parametrize("octets", [b"", b"\0" * 48, b"x" * 5000])
def test_what_is_no_quote_is_malformed(scene, octets):
    with pytest.raises(Malformed):
        scene.verify(quote=octets)


def test_a_quote_that_is_too_large_is_not_even_read(scene):
    with pytest.raises(Malformed, match="more than 65536"):
        scene.verify(quote=scene.quote + bytes(1 << 16))
    with pytest.raises(Malformed, match="too many"):
        scene.verify(quote=scene.quote.ljust(1 << 16, b"\0"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attestation_key_type": 3}, "attestation key type 3, not 2"),
        ({"tee_type": 0x81}, "TEE type 129, not 0"),
        ({"qe_vendor_id": bytes(16)}, f"QE vendor {'00' * 16}, not 939a7233f79c4ca9940a0db3957f0607"),
    ],
)
def test_a_quote_of_another_kind_is_refused(scene, change, words):
    quote = Quote.parse(scene.quote)
    with pytest.raises(QuoteRejected, match=words):
        scene.verify(quote=replace(quote, header=replace(quote.header, **change)).encode())


def test_a_quote_that_is_certified_in_another_way_is_refused(scene):
    certification = replace(section(scene.quote).certification, kind=4)
    with pytest.raises(QuoteRejected, match="type 4"):
        scene.with_signature(certification=certification).verify()


# 2. The PCK's path; the forms of certificates have their own tests.


def test_the_root_must_be_accepted(scene):
    with pytest.raises(UntrustedRoot):
        scene.verify(roots=frozenset())
    with pytest.raises(UntrustedRoot):
        scene.verify(roots=frozenset({RootKey(bytes(32))}))


def test_a_root_of_the_same_name_is_another_root(scene, make_scene):
    other = make_scene()
    assert other.verify().root_name == scene.verify().root_name
    with pytest.raises(UntrustedRoot):
        scene.verify(roots=other.roots)


def test_a_platform_that_is_certified_by_nobody_is_refused(scene, make_scene):
    stranger = section(make_scene().quote).certification
    with pytest.raises(UntrustedRoot):
        scene.with_signature(certification=stranger).verify()


# 3. Revocation.


@pytest.mark.parametrize("revoked", list(Revocable))
def test_nothing_that_is_revoked_is_believed(make_scene, revoked):
    with pytest.raises(CertificateRevoked):
        make_scene(revoked=frozenset({revoked})).verify()


@pytest.mark.parametrize(("where", "which"), CERTIFICATES[1:])  # the PCK itself is on its authority's list
def test_a_certificate_is_revoked_wherever_it_stands(scene, reissue, where, which):
    """Of a key with two certificates one is revoked; in all other places stands the other."""
    changed, name = reissue(scene, where, which, serial=4711)
    assert changed.verify()
    crl = revocation_list(scene.platform.provisioning.root, scene.at, scene.at + DAY, revoked=[4711])
    with pytest.raises(CertificateRevoked, match=re.escape(f"`{name}`")):
        changed.with_collateral(root_ca_crl=crl).verify()
    assert scene.with_collateral(root_ca_crl=crl).verify()


def test_a_revocation_list_of_another_authority_says_nothing(scene):
    """A Platform CA under the same root has a list of its own, which does not know this Processor CA's PCKs."""
    provisioning = scene.platform.provisioning
    other = provisioning.root.authority(name="Caisson Software SGX PCK Platform CA", now=scene.at)
    crl = other.revocation_list([], issued=scene.at, next_update=scene.at + timedelta(days=30))
    with pytest.raises(CrlRejected):
        scene.with_collateral(pck_crl=crl.hex(), pck_crl_issuer_chain=other.pem + provisioning.root.pem).verify()


def test_an_authority_of_the_same_name_has_another_list(scene):
    provisioning = scene.platform.provisioning
    name = provisioning.pck_ca.certificate.subject.rfc4514_string().rpartition("CN=")[2].partition(",")[0]
    twin = provisioning.root.authority(name=name, now=scene.at)
    assert twin.certificate.subject == provisioning.pck_ca.certificate.subject
    crl = twin.revocation_list([], issued=scene.at, next_update=scene.at + timedelta(days=30))
    with pytest.raises(CrlRejected, match="another key"):
        scene.with_collateral(pck_crl=crl.hex(), pck_crl_issuer_chain=twin.pem + provisioning.root.pem).verify()


# 4. Signed statements.


@pytest.mark.parametrize(("part", "error"), [("tcb_info", TcbInfoRejected), ("qe_identity", QeIdentityRejected)])
def test_a_statement_that_nobody_signed_is_refused(scene, part, error):
    with pytest.raises(error):
        scene.with_collateral(**{part: scene.collateral[part].replace("UpToDate", "OutOfDate")}).verify()
    with pytest.raises(error):
        scene.with_collateral(**{f"{part}_signature": "00" * 64}).verify()
    with pytest.raises(error):
        scene.with_collateral(**{part: "{}"}).verify()


@pytest.mark.parametrize("part", ["tcb_info", "qe_identity"])
def test_a_platform_cannot_sign_statements(scene, part):
    """The PCK is under the same root, and its key signs; but it is no signer of statements."""
    provisioning = scene.platform.provisioning
    signature = sign_p256(provisioning.pck.key, scene.collateral[part].encode()).hex()
    changes = {f"{part}_signature": signature, f"{part}_issuer_chain": provisioning.pck_chain}
    with pytest.raises(ChainRejected):
        scene.with_collateral(**changes).verify()
    changes[f"{part}_issuer_chain"] = provisioning.pck.pem + provisioning.pck_ca.pem
    with pytest.raises(ChainRejected):
        scene.with_collateral(**changes).verify()


@pytest.mark.parametrize("part", ["tcb_info", "qe_identity"])
def test_another_root_cannot_speak_about_the_platform_even_if_both_are_trusted(scene, make_scene, part):
    other = make_scene()
    changes = {name: other.collateral[name] for name in (part, f"{part}_signature", f"{part}_issuer_chain")}
    with pytest.raises(UntrustedRoot):
        scene.with_collateral(**changes).verify(roots=scene.roots | other.roots)


# 5. The platform.


@pytest.mark.parametrize(("member", "value"), [("fmspc", "00906ED50000"), ("pceId", "0001")])
def test_tcb_info_of_another_kind_of_platform_is_refused(scene, member, value):
    with pytest.raises(PlatformMismatch, match=value.lower()):
        scene.with_statement("tcb_info", lambda info: info.update({member: value})).verify()


# Nobody publishes these: they follow from what is published.
DERIVED = {
    TcbStatus.NOT_SUPPORTED,
    TcbStatus.TD_RELAUNCH_ADVISED,
    TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
}


@pytest.mark.parametrize("status", [status for status in TcbStatus if status not in DERIVED])
def test_the_tcb_status_is_what_the_root_says(make_scene, status):
    advisories = ("INTEL-SA-00002", "INTEL-SA-00001")
    verified = make_scene(tcb_status=status.value, advisories=advisories).verify()
    assert verified.tcb.status is verified.platform_tcb.status is status
    assert verified.tcb.advisories == ("INTEL-SA-00001", "INTEL-SA-00002")


def test_a_platform_below_all_levels_is_not_supported(make_scene):
    def raise_bar(info):
        for level in info["tcbLevels"]:
            level["tcb"]["pcesvn"] = 99

    scene = make_scene(qe_status="OutOfDate", qe_advisories=("INTEL-SA-00002",))
    verified = scene.with_statement("tcb_info", raise_bar).verify()
    assert verified.tcb == verified.platform_tcb == NOT_SUPPORTED
    assert verified.qe_tcb.advisories == ("INTEL-SA-00002",)


# 6. to 8. The quoting enclave.


def test_the_quoting_enclaves_report_must_be_the_platforms(scene, make_scene):
    with pytest.raises(QeReportRejected):
        scene.with_signature(qe_report_signature=section(make_scene().quote).qe_report_signature).verify()
    with pytest.raises(QeReportRejected):
        scene.with_signature(qe_report=replace(section(scene.quote).qe_report, isv_svn=99)).verify()


def test_the_attestation_key_must_be_the_quoting_enclaves(scene, new_key):
    key = new_key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
    with pytest.raises(AttestationKeyRejected):
        scene.with_signature(attestation_key=key).verify()
    with pytest.raises(AttestationKeyRejected):
        scene.with_signature(qe_authentication_data=b"other").verify()


def test_an_attestation_key_must_be_a_key(scene):
    """The platform vouches for 64 bytes that are no point on the curve."""
    nonsense = b"\xff" * 64
    signature = section(scene.quote)
    digest = sha256(nonsense + signature.qe_authentication_data).digest()
    qe_report = replace(signature.qe_report, report_data=ReportData(digest + bytes(32)))
    vouched = sign_p256(scene.platform.provisioning.pck.key, qe_report.encode())
    with pytest.raises(AttestationKeyRejected, match="not a point"):
        scene.with_signature(attestation_key=nonsense, qe_report=qe_report, qe_report_signature=vouched).verify()


def test_nothing_may_stand_behind_the_hash_of_the_attestation_key(scene):
    signature = section(scene.quote)
    report_data = signature.qe_report.report_data.value[:32] + b"\1" * 32
    qe_report = replace(signature.qe_report, report_data=ReportData(report_data))
    vouched = sign_p256(scene.platform.provisioning.pck.key, qe_report.encode())
    with pytest.raises(AttestationKeyRejected):
        scene.with_signature(qe_report=qe_report, qe_report_signature=vouched).verify()


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"mrsigner": "00" * 32}, "MRSIGNER"),
        ({"isvprodid": 99}, "ISVPRODID"),
        ({"miscselect": "00000001"}, "MISCSELECT"),
        ({"attributes": "13" + "00" * 15}, "ATTRIBUTES.FLAGS"),
        ({"attributes": "11" + "00" * 7 + "04" + "00" * 7, "attributesMask": "FB" + "FF" * 15}, "ATTRIBUTES.XFRM"),
    ],
)
def test_another_enclave_cannot_vouch(scene, changes, where):
    with pytest.raises(QeMismatch, match=f"has {where} .* and its identity demands"):
        scene.with_statement("qe_identity", lambda identity: identity.update(changes)).verify()


@pytest.mark.parametrize("platform", ["UpToDate", "Revoked"])
def test_a_quoting_enclave_older_than_any_known_is_not_supported(make_scene, platform):
    def raise_bar(identity):
        identity["tcbLevels"] = [identity["tcbLevels"][0] | {"tcb": {"isvsvn": 99}}]

    scene = make_scene(tcb_status=platform, advisories=("INTEL-SA-00001",))
    verified = scene.with_statement("qe_identity", raise_bar).verify()
    assert verified.tcb == verified.qe_tcb == NOT_SUPPORTED
    assert verified.platform_tcb.status == platform


@pytest.mark.parametrize(
    ("platform", "enclave", "together"),
    [
        ("UpToDate", "UpToDate", "UpToDate"),
        ("UpToDate", "OutOfDate", "OutOfDate"),
        ("SWHardeningNeeded", "OutOfDate", "OutOfDate"),
        ("ConfigurationNeeded", "OutOfDate", "OutOfDateConfigurationNeeded"),
        ("ConfigurationAndSWHardeningNeeded", "OutOfDate", "OutOfDateConfigurationNeeded"),
        ("OutOfDateConfigurationNeeded", "OutOfDate", "OutOfDateConfigurationNeeded"),
        ("OutOfDate", "UpToDate", "OutOfDate"),
        ("UpToDate", "Revoked", "Revoked"),
        ("Revoked", "OutOfDate", "Revoked"),
    ],
)
def test_the_worse_of_platform_and_quoting_enclave_counts(make_scene, platform, enclave, together):
    verified = make_scene(
        tcb_status=platform, qe_status=enclave, advisories=("INTEL-SA-00001",), qe_advisories=("INTEL-SA-00002",)
    ).verify()
    assert verified.tcb.status == together
    assert (verified.platform_tcb.status, verified.qe_tcb.status) == (platform, enclave)
    assert verified.tcb.advisories == ("INTEL-SA-00001", "INTEL-SA-00002")


def test_the_earlier_date_counts_whichever_part_it_is_of(scene):
    """The argument is as good as its oldest part: that is "known to be good since"."""
    early, late = "2024-02-14T00:00:00Z", "2025-08-13T00:00:00Z"

    def dated(date):
        return lambda statement: [level.update(tcbDate=date) for level in statement["tcbLevels"]]

    for platform, enclave in ((early, late), (late, early)):
        verified = (
            scene.with_statement("tcb_info", dated(platform)).with_statement("qe_identity", dated(enclave)).verify()
        )
        assert verified.tcb.date == datetime(2024, 2, 14, tzinfo=UTC)
        assert {verified.platform_tcb.date, verified.qe_tcb.date} == {
            datetime(2024, 2, 14, tzinfo=UTC),
            datetime(2025, 8, 13, tzinfo=UTC),
        }


def test_the_older_evaluation_counts(scene):
    older = scene.with_statement("qe_identity", lambda identity: identity.update(tcbEvaluationDataNumber=3))
    assert older.verify().tcb_evaluation_data_number == 3
    older = scene.with_statement("tcb_info", lambda info: info.update(tcbEvaluationDataNumber=4))
    assert older.verify().tcb_evaluation_data_number == 4


# 9. The clock.


def test_time_needs_a_zone(scene):
    with pytest.raises(UsageError):
        scene.verify(at=scene.at.replace(tzinfo=None))


def test_collateral_is_good_from_its_issue_to_its_next_update(scene):
    issued, due = scene.at, scene.at + timedelta(days=30)
    assert scene.verify(at=issued).tcb == scene.verify(at=due).tcb
    with pytest.raises(NotYetValid):
        scene.verify(at=issued - timedelta(seconds=1))
    with pytest.raises(Expired):
        scene.verify(at=due + timedelta(seconds=1))


@pytest.mark.parametrize("part", ["tcb_info", "qe_identity"])
@pytest.mark.parametrize(
    ("member", "value", "error"),
    [("issueDate", "2026-11-23T12:00:01Z", NotYetValid), ("nextUpdate", "2026-11-23T11:59:59Z", Expired)],
)
def test_each_statement_has_its_own_window(scene, part, member, value, error):
    with pytest.raises(error):
        scene.with_statement(part, lambda statement: statement.update({member: value})).verify()


@pytest.mark.parametrize(("begins", "ends", "error"), WINDOWS)
@pytest.mark.parametrize(("where", "which"), CERTIFICATES)
def test_each_certificate_has_its_own_window(scene, reissue, where, which, begins, ends, error):
    changed, name = reissue(scene, where, which, begins=scene.at + begins, ends=scene.at + ends)
    with pytest.raises(error, match=re.escape(f"certificate `{name}`")):
        changed.verify()


@pytest.mark.parametrize(("begins", "ends", "error"), WINDOWS)
@pytest.mark.parametrize(("name", "issuer"), [("root_ca_crl", "root"), ("pck_crl", "pck_ca")])
def test_each_revocation_list_has_its_own_window(scene, name, issuer, begins, ends, error):
    revoked = revocation_list(getattr(scene.platform.provisioning, issuer), scene.at + begins, scene.at + ends)
    with pytest.raises(error, match="CRL"):
        scene.with_collateral(**{name: revoked}).verify()


@pytest.mark.parametrize("part", ["tcb_info", "qe_identity", "pck_crl"])
def test_collateral_is_as_old_as_its_oldest_part(scene, part):
    """The root's own list does not count: it is good for a year."""
    issued = scene.at - DAY
    if part == "pck_crl":
        ca = scene.platform.provisioning.pck_ca
        older = scene.with_collateral(pck_crl=revocation_list(ca, issued, scene.at + DAY))
    else:
        older = scene.with_statement(part, lambda statement: statement.update(issueDate=f"{issued:%Y-%m-%dT%H:%M:%SZ}"))
    assert (scene.verify().collateral_issued, older.verify().collateral_issued) == (scene.at, issued)
    root = scene.platform.provisioning.root
    old_list = scene.with_collateral(root_ca_crl=revocation_list(root, issued, scene.at + DAY))
    assert old_list.verify().collateral_issued == scene.at


def test_windows_that_never_meet_are_expired_at_any_time(scene):
    def earlier(info):
        info.update(issueDate="2026-11-23T12:00:00Z", nextUpdate="2026-11-23T12:00:00Z")

    def later(identity):
        identity.update(issueDate="2026-11-23T12:00:02Z")

    never = scene.with_statement("tcb_info", earlier).with_statement("qe_identity", later)
    for seconds in range(4):
        with pytest.raises((Expired, NotYetValid)):
            never.verify(at=scene.at + timedelta(seconds=seconds))


# 10. The quote's own signature.


def test_the_quote_must_be_signed_by_the_attestation_key(scene, debug_scene):
    with pytest.raises(QuoteSignatureRejected):
        scene.with_signature(signature=section(debug_scene.quote).signature).verify()
    quote = Quote.parse(scene.quote)
    with pytest.raises(QuoteSignatureRejected):
        scene.verify(quote=replace(quote, body=replace(quote.body, isv_svn=99)).encode())


def test_debug_enclaves_are_genuine_and_say_so(scene, debug_scene):
    assert debug_scene.verify().report.attributes.debug
    assert not scene.verify().report.attributes.debug


# What is remembered.


def test_what_was_good_before_is_refused_when_it_has_expired(scene):
    scene.verify()
    with pytest.raises(Expired):
        scene.verify(at=scene.at + timedelta(days=31))
    assert scene.verify().tcb.status is TcbStatus.UP_TO_DATE


def test_what_was_good_before_is_refused_under_other_conditions(make_scene):
    good = make_scene()
    good.verify()
    with pytest.raises(UntrustedRoot):
        good.verify(roots=frozenset())
    worse = good.with_statement("tcb_info", lambda info: info["tcbLevels"][0].update(tcbStatus="Revoked"))
    assert worse.verify().tcb.status is TcbStatus.REVOKED
    standing = replace(good.platform.standing, revoked=frozenset({Revocable.PCK}))
    revoked = good.with_collateral(pck_crl=good.platform.provisioning.pck_crl(standing, issued=good.at).hex())
    with pytest.raises(CertificateRevoked):
        revoked.verify()


def test_a_quote_is_checked_even_if_its_key_is_known(scene):
    scene.verify()
    forged = bytearray(scene.quote)
    forged[48 + 320] ^= 1
    with pytest.raises(QuoteSignatureRejected):
        scene.verify(quote=bytes(forged))


def test_memory_is_bounded():
    names = [found.name for found in pkgutil.walk_packages(evidence.__path__, f"{evidence.__name__}.")]
    values = {id(value): value for name in names for value in vars(importlib.import_module(name)).values()}
    steps = [value for value in values.values() if hasattr(value, "cache_info")]
    assert {certified_key, trust, endorse} <= set(steps)
    for step in steps:
        assert step.cache_info().maxsize <= 1024


def test_verification_opens_nothing(make_scene, monkeypatch):
    """Nothing is remembered of a new platform: every step is taken."""
    scene = make_scene()

    def refuse(*_):
        pytest.fail("verification does no I/O")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("socket.socket", refuse)
    assert scene.verify()
