"""SEV-SNP guests: each thing that a policy names refuses alone, and every mismatch is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from caisson.abi import ReportData
from caisson.errors import PolicyRejected
from caisson.evidence import Evidence, Question, examine
from caisson.evidence.appraisal import NO_REVOCATION_LIST, appraise
from caisson.evidence.policy import GuestRule, SnpPolicy
from caisson.evidence.roots import RootKey
from caisson.evidence.snp import SnpCollateral, verify_snp
from caisson.snp import (
    ChipId,
    FamilyId,
    GuestPolicy,
    HostData,
    ImageId,
    KeyDigest,
    Measurement,
    Mitigations,
    PlatformFlags,
    PolicyFlags,
    SigningKey,
    TcbComponents,
    TcbVersion,
)
from caisson.snp.report import FirmwareVersion

AT = datetime(2026, 6, 1, tzinfo=UTC)
FLOOR = TcbComponents(bootloader=10, tee=0, snp=23, microcode=84)
SIGNER = KeyDigest(b"K" * 48)
IMAGE = {"family_id": FamilyId(bytes(16)), "image_id": ImageId(bytes(16))}


def verified_of(case):
    positional, named = case.arguments()
    return verify_snp(*positional, **named)


@pytest.fixture(scope="session")
def verified(maker):
    report = maker.report(version=5, mitigations=Mitigations(launch=0b101, current=0b001), platform_info=1)
    return verified_of(maker.case(report=report))


@pytest.fixture
def policy(verified):
    return SnpPolicy(
        roots=frozenset({verified.root}),
        signing_keys=frozenset({SigningKey.VCEK}),
        csp_ids=frozenset(),
        require_revocation_list=False,
        allow_debug=False,
        allow_migration=False,
        allow_smt=True,
        allow_provisional_firmware=False,
        required_policy=0,
        required_platform=0,
        vmpls=frozenset({0}),
        chips=frozenset({verified.report.chip_id}),
        minimum_tcb={"genoa": FLOOR},
        report_data=frozenset({ReportData(bytes(64))}),
        guests=(GuestRule(measurement=verified.report.measurement),),
    )


def reasons(verified, policy):
    with pytest.raises(PolicyRejected) as caught:
        appraise(verified, policy)
    return caught.value.reasons


def test_what_the_policy_names_is_accepted(verified, policy):
    appraisal = appraise(verified, policy)
    assert appraisal.evidence is verified
    assert appraisal.rule == policy.guests[0]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"roots": frozenset({RootKey(bytes(32))})}, "root is"),
        ({"signing_keys": frozenset({SigningKey.VLEK})}, "signed with a VCEK"),
        ({"require_revocation_list": True}, "revocation list"),
        ({"allow_smt": False}, "SMT"),
        ({"required_policy": PolicyFlags.SINGLE_SOCKET}, "policy lacks SINGLE_SOCKET"),
        ({"required_platform": PlatformFlags.ECC_EN}, "information lacks ECC_EN"),
        ({"vmpls": frozenset({1})}, "privilege level 0"),
        ({"chips": frozenset({ChipId(b"C" * 64)})}, "chip is"),
        ({"minimum_tcb": {"milan": FLOOR}}, "product is Genoa"),
        ({"minimum_tcb": {"genoa": replace(FLOOR, snp=24)}}, "reported TCB version is"),
        ({"report_data": frozenset({ReportData(b"R" * 64)})}, "report data are"),
        ({"guests": ()}, "`guests` is empty"),
        ({"guests": (GuestRule(measurement=Measurement(b"M" * 48)),)}, "measurement is"),
        ({"guests": (GuestRule(measurement=Measurement(bytes(48)), host_data=HostData(b"H" * 32)),)}, "host_data is"),
        ({"guests": (GuestRule(measurement=Measurement(bytes(48)), family_id=FamilyId(b"F" * 16)),)}, "family_id is"),
        ({"guests": (GuestRule(measurement=Measurement(bytes(48)), image_id=ImageId(b"I" * 16)),)}, "image_id is"),
        ({"guests": (GuestRule(id_key_digest=SIGNER, **IMAGE, minimum_guest_svn=0),)}, "id_key_digest is"),
        ({"guests": (GuestRule(author_key_digest=SIGNER, **IMAGE, minimum_guest_svn=0),)}, "author_key_digest is"),
        ({"forbidden_platform": PlatformFlags.SMT_EN}, "information has SMT_EN"),
        ({"required_mitigations": frozenset({0, 2})}, "in force now: 2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_thing_alone_refuses(verified, policy, change, word):
    (reason,) = reasons(verified, replace(policy, **change))
    assert word in reason


def test_bits_that_are_required_and_there_refuse_nothing(verified, policy):
    assert appraise(verified, replace(policy, required_policy=PolicyFlags.SMT, required_platform=PlatformFlags.SMT_EN))


def test_an_update_below_a_running_guest_does_not_undo_what_came_before(maker, policy):
    """The firmware is good now; what it was when the guest was launched, and its secrets were there, counts too."""
    verified = verified_of(maker.case(report=maker.report(launch_tcb=TcbVersion.from_hex("0a00000000001654"))))
    (reason,) = reasons(verified, policy)
    assert reason.startswith("guest was launched on the TCB version (bootloader 10, tee 0, snp 22, microcode 84)")
    assert appraise(verified, replace(policy, minimum_tcb={"genoa": replace(FLOOR, snp=22)}))


def test_every_mismatch_is_told(verified, policy):
    assert len(reasons(verified, replace(policy, allow_smt=False, vmpls=frozenset(), guests=()))) == 3


def test_a_list_that_was_looked_at_is_all_that_is_asked_for(maker, policy):
    asking = replace(policy, require_revocation_list=True)
    assert appraise(verified_of(maker.case(crl=maker.crl())), asking)
    assert reasons(verified_of(maker.case()), asking) == ("no revocation list was looked at",)


def test_a_list_is_as_old_as_the_policy_allows_and_no_older(maker, policy):
    """It is still valid, as a host that holds back the newer one would have it."""
    verified = verified_of(maker.case(crl=maker.crl(begins=AT - timedelta(days=7))))
    asking = replace(policy, require_revocation_list=True, maximum_collateral_age_days=7)
    assert appraise(verified, asking)
    (reason,) = reasons(replace(verified, verified_at=AT + timedelta(seconds=1)), asking)
    assert reason.startswith("revocation list was issued at ")
    assert reason.endswith(", more than 7 days before")
    assert len(reasons(replace(verified, verified_at=AT + timedelta(days=1)), replace(asking, guests=()))) == 2
    assert reasons(verified_of(maker.case()), asking) == (NO_REVOCATION_LIST,)


def test_a_guest_that_shares_no_cores_needs_no_permission(maker, policy):
    verified = verified_of(maker.case(report=maker.report(policy=GuestPolicy(bits=0x20000))))
    for allowed in (False, True):
        assert appraise(verified, replace(policy, allow_smt=allowed))


@pytest.mark.parametrize(
    ("bit", "member", "word"),
    [
        (PolicyFlags.DEBUG, "allow_debug", "debugged"),
        (PolicyFlags.MIGRATE_MA, "allow_migration", "migrated"),
        (PolicyFlags.CXL_ALLOW, "allow_cxl", "CXL"),
    ],
)
def test_a_guest_that_lets_others_in_must_be_allowed(maker, policy, bit, member, word):
    report = maker.report(policy=GuestPolicy(bits=0x30000 | bit))
    verified = verified_of(maker.case(report=report))
    (reason,) = reasons(verified, replace(policy, allow_cxl=False))
    assert word in reason
    assert appraise(verified, replace(policy, **{member: True}))


def test_firmware_that_is_not_committed_must_be_allowed(maker, verified, policy):
    older = type(verified.report.committed_tcb)(bytes.fromhex("0a00000000001654"))
    provisional = verified_of(maker.case(report=maker.report(committed_tcb=older)))
    (reason,) = reasons(provisional, policy)
    assert "rolled back" in reason
    assert appraise(provisional, replace(policy, allow_provisional_firmware=True))


def test_a_build_that_is_not_committed_must_be_allowed(maker, policy):
    """Its TCB version may be the same: what the host can go back to is another firmware."""
    versions = {
        name: FirmwareVersion(major=1, minor=55, build=build) for name, build in (("current", 2), ("committed", 1))
    }
    provisional = verified_of(maker.case(report=maker.report(**versions)))
    (reason,) = reasons(provisional, policy)
    assert "rolled back" in reason
    assert appraise(provisional, replace(policy, allow_provisional_firmware=True))


def test_a_provider_must_be_named(maker, policy):
    verified = verified_of(maker.case(kind="VLEK"))
    policy = replace(policy, signing_keys=frozenset({SigningKey.VLEK}), chips=None)
    (reason,) = reasons(verified, policy)
    assert "CN=cloud.example" in reason
    for csp_ids in (None, frozenset({"CN=cloud.example"})):
        assert appraise(verified, replace(policy, csp_ids=csp_ids))


def test_a_chip_that_hides_is_known_by_its_own_key(maker, policy):
    """The host may hide CHIP_ID; the certificate of the key that signed still names the chip."""
    hidden = verified_of(maker.case(report=maker.report(chip_id=ChipId(bytes(64)))))
    assert appraise(hidden, policy)
    (reason,) = reasons(hidden, replace(policy, chips=frozenset({hidden.report.chip_id})))
    assert reason == f"chip is {hidden.chip_id}, which is not accepted"


def test_a_chip_that_hides_is_none_of_those_named(maker, policy):
    verified = verified_of(maker.case(kind="VLEK"))
    policy = replace(policy, signing_keys=frozenset({SigningKey.VLEK}), csp_ids=None)
    (reason,) = reasons(verified, policy)
    assert reason == "chip is hidden, which is not accepted"


def test_mitigations_count_at_launch_and_now(maker, verified, policy):
    asking = replace(policy, required_mitigations=frozenset({2}))
    updated = maker.report(version=5, mitigations=Mitigations(launch=0b011, current=0b111))
    (reason,) = reasons(verified_of(maker.case(report=updated)), asking)
    assert reason == "mitigations are not known to be in force when the guest was launched: 2"
    assert appraise(verified, replace(policy, required_mitigations=frozenset({0})))


def test_a_report_that_names_no_mitigations_has_none(maker, policy):
    asking = replace(policy, required_mitigations=frozenset({0}))
    assert len(reasons(verified_of(maker.case()), asking)) == 2


@pytest.mark.parametrize("who", ["id_key_digest", "author_key_digest"])
def test_a_signers_image_is_accepted_from_a_security_version_on(maker, policy, who):
    verified = verified_of(maker.case(report=maker.report(guest_svn=3, **{who: SIGNER})))
    rule = GuestRule(**{who: SIGNER}, **IMAGE, minimum_guest_svn=3)
    assert appraise(verified, replace(policy, guests=(rule,))).rule == rule
    (reason,) = reasons(verified, replace(policy, guests=(replace(rule, minimum_guest_svn=4),)))
    assert "guest_svn is 3, less than 4" in reason
    assert appraise(verified, replace(policy, report_data=None, chips=None))


def test_the_rule_that_fits_is_named(verified, policy):
    other = GuestRule(measurement=Measurement(b"M" * 48))
    assert appraise(verified, replace(policy, guests=(other, *policy.guests))).rule == policy.guests[0]


def test_one_look_at_a_report_says_what_the_policy_says(maker, policy):
    case = maker.case()
    collateral = SnpCollateral(vek=case.vek, chain=case.chain, crl=None)

    def look(policy):
        question = Question(policy=policy, roots=frozenset(), at=case.at)
        return examine(Evidence.recognise(case.report), collateral, question)

    assert (look(policy).accepted, look(policy).reasons) == (True, ())
    assert not look(None).genuine
    facts = look(policy).facts
    assert (facts["guest_policy"], facts["platform_info"], facts["mitigations"]) == (["SMT"], [], None)
    assert (facts["signing_key"], facts["csp_id"], facts["guest_svn"]) == ("VCEK", None, 0)
    no = look(replace(policy, vmpls=frozenset()))
    assert (no.genuine, no.accepted) == (True, False)
    assert no.reasons == ("report was asked for at privilege level 0, which is not accepted",)
