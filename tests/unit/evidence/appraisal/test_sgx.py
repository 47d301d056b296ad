"""Appraisal: genuine is not enough; every mismatch is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from caisson.errors import PolicyRejected
from caisson.evidence import EnclaveRule, Policy, RootKey, TcbStatus, appraise
from caisson.evidence.policy import PlatformName, TdxPolicy
from caisson.platform import Machine, PckCa
from caisson.sgx import MrEnclave, MrSigner, ReportData

OTHER_ENCLAVE, OTHER_SIGNER = MrEnclave(b"E" * 32), MrSigner(b"S" * 32)


@pytest.fixture
def verified(scene):
    return scene.verify()


def reasons(verified, policy):
    with pytest.raises(PolicyRejected) as caught:
        appraise(verified, policy)
    assert str(caught.value) == "policy: " + "; ".join(caught.value.reasons)
    return caught.value.reasons


def test_what_the_policy_names_is_accepted(verified, policy):
    appraisal = appraise(verified, policy)
    assert appraisal.evidence is verified
    assert appraisal.rule == policy.enclaves[0]


def test_an_empty_policy_accepts_nothing(verified):
    empty = Policy(
        roots=frozenset(),
        tcb_statuses=frozenset(),
        advisories=frozenset(),
        allow_debug=False,
        minimum_tcb_evaluation_data_number=0,
        key_servers=frozenset(),
        enclaves=(),
    )
    root, status, enclaves = reasons(verified, empty)
    assert str(verified.root) in root
    assert status == "TCB status is UpToDate, accepted: none"
    assert enclaves == "no enclave is accepted: `enclaves` is empty"


def test_each_field_alone_refuses(verified, policy):
    changes = {
        "roots": frozenset({RootKey(bytes(32))}),
        "tcb_statuses": frozenset({TcbStatus.SW_HARDENING_NEEDED}),
        "minimum_tcb_evaluation_data_number": verified.tcb_evaluation_data_number + 1,
        "enclaves": (EnclaveRule(mr_enclave=OTHER_ENCLAVE),),
    }
    for field, value in changes.items():
        assert len(reasons(verified, replace(policy, **{field: value}))) == 1
    assert len(reasons(verified, replace(policy, **changes))) == len(changes)


def test_debug_must_be_allowed(debug_scene, policy):
    verified = debug_scene.verify()
    policy = replace(policy, enclaves=(EnclaveRule(mr_enclave=verified.report.mr_enclave),))
    assert reasons(verified, policy) == ("enclave is a debug enclave: its memory is open to whoever runs it",)
    assert appraise(verified, replace(policy, allow_debug=True))


@pytest.mark.parametrize("status", ["Revoked", "OutOfDate"])
def test_a_status_must_be_named(make_scene, policy, status):
    verified = make_scene(tcb_status=status).verify()
    policy = replace(policy, roots=frozenset({verified.root}))
    assert reasons(verified, policy) == (f"TCB status is {status}, accepted: UpToDate",)


def test_every_advisory_must_be_named_whatever_the_status(make_scene, policy):
    verified = make_scene(advisories=("INTEL-SA-00001", "INTEL-SA-00002"), qe_advisories=("INTEL-SA-00003",)).verify()
    policy = replace(policy, roots=frozenset({verified.root}))
    some = replace(policy, advisories=frozenset({"INTEL-SA-00002"}))
    assert reasons(verified, some) == (
        "TCB level has advisories that are not accepted: INTEL-SA-00001, INTEL-SA-00003",
    )
    assert appraise(verified, replace(policy, advisories=frozenset(verified.tcb.advisories)))


def test_any_enclave_of_several_will_do(verified, policy):
    rule = policy.enclaves[0]
    several = replace(policy, enclaves=(EnclaveRule(mr_enclave=OTHER_ENCLAVE), rule))
    assert appraise(verified, several).rule == rule


def signed(report, **changes):
    rule = {"mr_signer": report.mr_signer, "isv_prod_id": report.isv_prod_id, "minimum_isv_svn": report.isv_svn}
    return EnclaveRule(**(rule | changes))


def test_a_signers_product_is_accepted_from_a_security_version_on(verified, policy):
    report = verified.report
    for svn in (0, report.isv_svn):
        assert appraise(verified, replace(policy, enclaves=(signed(report, minimum_isv_svn=svn),)))
    for change, word in (
        ({"mr_signer": OTHER_SIGNER}, "mrsigner is"),
        ({"isv_prod_id": report.isv_prod_id + 1}, "isv_prod_id is 7, not 8"),
        ({"minimum_isv_svn": report.isv_svn + 1}, "isv_svn is 3, less than 4"),
    ):
        (reason,) = reasons(verified, replace(policy, enclaves=(signed(report, **change),)))
        assert word in reason


def test_everything_that_a_rule_names_must_hold(verified, policy):
    report = verified.report
    both = signed(report, mr_enclave=report.mr_enclave)
    assert appraise(verified, replace(policy, enclaves=(both,))).rule == both
    for change in ({"mr_enclave": OTHER_ENCLAVE}, {"mr_signer": OTHER_SIGNER}):
        assert reasons(verified, replace(policy, enclaves=(replace(both, **change),)))


def test_two_rules_are_not_mixed(verified, policy):
    """One has the right signer and the other the right product: neither is this enclave."""
    report = verified.report
    rules = (signed(report, isv_prod_id=8), signed(report, mr_signer=OTHER_SIGNER))
    (reason,) = reasons(verified, replace(policy, enclaves=rules))
    assert "; or " in reason


def test_platforms_and_report_data_are_looked_at_if_they_are_named(verified, policy):
    pck = verified.pck
    for by, value in (("fmspc", pck.fmspc), ("ppid", pck.ppid)):
        named = frozenset({PlatformName(by=by, value=value)})
        assert appraise(
            verified, replace(policy, platforms=named, report_data=frozenset({verified.report.report_data}))
        )
    other = replace(
        policy,
        platforms=frozenset({PlatformName(by="instance", value=pck.ppid)}),
        report_data=frozenset({ReportData(b"R" * 64)}),
    )
    platform, report_data = reasons(verified, other)
    assert platform == f"platform is fmspc:{pck.fmspc}, ppid:{pck.ppid}, which is not accepted"
    assert report_data.startswith("report data are ")


def test_a_machine_of_several_processors_is_known_by_its_instance(make_scene, policy):
    machine = Machine(ppid=b"P" * 16, fmspc=b"FMSPC!", pce_id=b"\1\2", pce_svn=300, ca=PckCa.PLATFORM)
    verified = make_scene(machine=machine).verify()
    named = frozenset({PlatformName(by="instance", value=verified.pck.platform_instance)})
    assert appraise(verified, replace(policy, roots=frozenset({verified.root}), platforms=named))


def test_a_policy_for_another_tee_accepts_nothing(verified):
    policy = TdxPolicy(
        roots=frozenset({verified.root}),
        tcb_statuses=frozenset(TcbStatus),
        advisories=frozenset(),
        allow_debug=True,
        minimum_tcb_evaluation_data_number=0,
        modules=None,
        required_attributes=0,
        allowed_attributes=0,
        allowed_xfam=None,
        service_domains=None,
        domains=(),
    )
    assert reasons(verified, policy) == ("evidence is of another TEE than the policy",)


def test_collateral_may_not_be_older_than_asked_for(scene, policy):
    later = scene.verify(at=scene.at + timedelta(days=8))
    assert appraise(later, replace(policy, maximum_collateral_age_days=8))
    (reason,) = reasons(later, replace(policy, maximum_collateral_age_days=7))
    assert reason == f"collateral was issued at {scene.at.isoformat()}, more than 7 days before"
