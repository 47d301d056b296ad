"""Verdicts in words: the verdict first, what is wrong last, and every warning said."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from caisson.cli.verdict import require_acceptable, verdict_data, verdict_words
from caisson.errors import BindingRejected, PolicyRejected, Rejected
from caisson.evidence import INTEL_SGX_ROOT, AttestationResult, Collateral, Policy, RootKey, TcbStatus, verify_quote
from caisson.evidence.appraisal import NO_REVOCATION_LIST
from caisson.evidence.appraisal.rules import DEBUG_ENCLAVE
from caisson.evidence.intel.tcb_status import NOT_SUPPORTED
from caisson.evidence.snp import AMD_MILAN_ROOT, VerifiedSnpReport
from caisson.platform import TcbStatus as PlatformTcbStatus
from caisson.sgx import ReportData
from caisson.snp import KeyDigest, Product, Report, SigningKey
from tests.guest import DEBUG, launch, make_platform
from tests.unit.evidence.domains import DomainScene

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def verify():
    platform = make_platform(NOW.timestamp(), tcb_status=PlatformTcbStatus.OUT_OF_DATE, advisories=("INTEL-SA-00615",))
    roots = frozenset({RootKey.of(platform.provisioning.root.certificate)})
    collateral = Collateral.parse(platform.collateral())

    def verify(**enclave):
        report = launch(platform, **enclave).ereport(platform.quoting_enclave.target_info, ReportData(bytes(64)))
        return verify_quote(platform.quote(report), collateral, roots=roots, at=NOW)

    return verify


@pytest.fixture(scope="module")
def domain():
    return DomainScene.on(make_platform(NOW.timestamp())).verify()


@pytest.fixture(scope="module")
def guest():
    """What a blank report under AMD's root would be; only AMD could sign it."""
    report = Report.parse(b"\2" + bytes(Report.SIZE - 1))
    tcb = report.reported_tcb.components(Product.MILAN)
    return VerifiedSnpReport(
        report=report,
        product=Product.MILAN,
        root=AMD_MILAN_ROOT,
        root_name="ARK-Milan",
        signing_key=SigningKey.VCEK,
        chip_id=report.chip_id,
        csp_id=None,
        current_tcb=tcb,
        reported_tcb=tcb,
        committed_tcb=tcb,
        launch_tcb=tcb,
        revocation_list_issued=NOW,
        verified_at=NOW,
        expires=NOW,
    )


@pytest.fixture(scope="module")
def policy():
    return Policy(
        roots=frozenset(),
        tcb_statuses=frozenset({TcbStatus.UP_TO_DATE}),
        advisories=frozenset(),
        allow_debug=False,
        minimum_tcb_evaluation_data_number=0,
        key_servers=frozenset(),
        enclaves=(),
    )


def test_what_was_found_is_told(verify, policy):
    quote = verify()
    more = {"workload": "redis", "key_server": "53" * 32}
    words = verdict_words(AttestationResult.of(quote, policy=policy, more=more))
    assert words == (
        "accepted: it is genuine, and what the policy asks for\n"
        f"  what runs     MRENCLAVE {quote.report.mr_enclave}\n"
        f"  signed by     MRSIGNER  {quote.report.mr_signer}, product 7, version 3\n"
        f"  provisioned   as workload `redis` by the key server {'53' * 32}\n"
        "  platform      software in place of Intel SGX, FMSPC ca1550000000, vouched for by "
        "`Caisson Software SGX Root CA (protects nothing)`\n"
        "  TCB           OutOfDate, TCB date 2026-01-14\n"
        "  advisories    INTEL-SA-00615\n"
        "  holds until   2026-12-23 12:00 UTC\n"
        "  warning       the root is not the vendor's: a software platform protects nothing"
    )


def test_what_is_wrong_is_told_in_full(verify, policy):
    result = AttestationResult.of(verify(attributes=DEBUG), policy=policy, refusal=PolicyRejected(("one", "two")))
    lines = verdict_words(result).splitlines()
    assert lines[0] == "REFUSED by the policy"
    assert lines[-4:-1] == [
        "  wrong         one",
        "  wrong         two",
        "  warning       debugging is on: whoever runs it can read its memory",
    ]


def test_the_other_verdicts(verify):
    assert verdict_words(AttestationResult.of(verify(), policy=None)).startswith("genuine; whether it is acceptable")
    refused = AttestationResult.refused(BindingRejected("no"), policy=None, at=NOW)
    assert verdict_words(refused) == "REFUSED: it is not shown to be genuine\n  wrong         no"
    assert verdict_data(refused)["expires"] is None


def test_an_address_is_named_in_the_first_line(verify, policy):
    quote = verify()
    accepted = AttestationResult.of(quote, policy=policy, more={"workload": "redis", "key_server": "53" * 32})
    bare = AttestationResult.of(quote, policy=policy, more={"evidence": "ra-tls", "claims": []})
    refused = AttestationResult.of(quote, policy=policy, refusal=PolicyRejected(("one",)))
    forged = AttestationResult.refused(BindingRejected("no"), policy=policy, at=NOW)
    assert [verdict_words(each, of="[::1]:6379").splitlines()[0] for each in (accepted, bare, refused, forged)] == [
        "[::1]:6379 is workload `redis`, and the policy accepts it",
        "[::1]:6379 is an enclave with RA-TLS, and the policy accepts it",
        "REFUSED: [::1]:6379 is not what the policy accepts",
        "REFUSED: [::1]:6379 does not show genuine evidence",
    ]
    assert "\n  provisioned   by nobody whom this evidence names\n" in verdict_words(bare)


def test_what_no_level_covers_has_no_date(verify):
    unknown = replace(verify(), tcb=NOT_SUPPORTED)
    assert "\n  TCB           TCBNotSupported\n" in verdict_words(AttestationResult.of(unknown, policy=None))


def test_a_domain_is_told_by_its_registers_and_by_what_runs_below_it_now(domain):
    said = verdict_words(AttestationResult.of(domain, policy=None))
    assert f"\n  what runs     MRTD  {domain.body.mr_td}\n                RTMR0 {domain.body.rtmr0}\n" in said
    assert "\n  platform      software in place of Intel TDX, FMSPC " in said
    real = verdict_words(AttestationResult.of(replace(domain, root=INTEL_SGX_ROOT), policy=None))
    assert "\n  platform      Intel TDX, FMSPC " in real
    assert "warning" not in real
    assert "TCB now" not in said
    later = replace(domain, current_tcb=domain.tcb._replace(status=TcbStatus.OUT_OF_DATE))
    said = verdict_words(AttestationResult.of(later, policy=None))
    assert "\n  TCB now       OutOfDate, of what runs below the domain since an update\n" in said


def test_a_guest_is_told_by_its_measurement_and_by_who_signed_it(guest):
    said = verdict_words(AttestationResult.of(guest, policy=None))
    assert f"\n  what runs     measurement {guest.report.measurement}\n" in said
    assert "\n  signed by     nobody: the guest was launched without an ID block\n" in said
    assert "\n  platform      AMD Milan, vouched for by `ARK-Milan`\n  TCB           bootloader " in said
    signed = replace(guest, report=replace(guest.report, id_key_digest=KeyDigest(b"\1" * 48)))
    said = verdict_words(AttestationResult.of(signed, policy=None))
    assert f"\n  signed by     ID key {'01' * 48}, image {guest.report.image_id}, version 0\n" in said


def test_what_a_reason_says_is_not_warned_of_besides(verify, guest, policy):
    """A policy that says nothing of it leaves the warning as it is."""
    guest = replace(guest, revocation_list_issued=None)
    for found, reason, warning in (
        (verify(attributes=DEBUG), DEBUG_ENCLAVE, "debugging is on"),
        (guest, NO_REVOCATION_LIST, "no revocation list"),
    ):
        for reasons, told in (((reason, "two"), 0), (("one", "two"), 1)):
            said = verdict_words(AttestationResult.of(found, policy=policy, refusal=PolicyRejected(reasons)))
            assert said.count(f"  warning       {warning}") == told
            assert all(said.count(f"  wrong         {each}\n") == 1 for each in reasons[:1])


def test_reasons_are_not_told_twice(verify, policy):
    for reasons, number in ((("one",), "one reason"), (("one", "two"), "2 reasons")):
        told = f"the policy does not accept it, for {number}"
        result = AttestationResult.of(verify(), policy=policy, refusal=PolicyRejected(reasons, hint="look"))
        with pytest.raises(Rejected) as caught:
            require_acceptable(result)
        assert (caught.value.message, caught.value.hint) == (told, "look")
    require_acceptable(AttestationResult.of(verify(), policy=None))


def test_programs_get_the_same(verify):
    data = verdict_data(AttestationResult.of(verify(), policy=None))
    assert (data["genuine"], data["accepted"], data["tcb_status"], data["debug"]) == (True, None, "OutOfDate", False)
    assert data["advisory_ids"] == ["INTEL-SA-00615"]
    assert data["expires"] == "2026-12-23T12:00:00+00:00"
