"""A proposed policy accepts the good evidence that it was made of, nothing else, and not what is bad about bad one."""

from dataclasses import replace

import pytest

from caisson.errors import PolicyRejected
from caisson.evidence import appraise, parse_policy, propose
from caisson.sgx import MrEnclave, ReportData
from caisson.tdx import MrServiceTd, MrTd, Rtmr, TdAttributes, TdBody, TdFlags, Xfam
from tests.unit.evidence.domains import DomainScene, domain


def refusals(policy, verified):
    with pytest.raises(PolicyRejected) as caught:
        appraise(verified, policy)
    return caught.value.reasons


def test_the_policy_of_an_enclave_accepts_this_build_only(scene):
    verified = scene.verify()
    policy = propose(verified)
    assert parse_policy(policy.encode().encode()) == policy
    appraise(verified, policy)
    other = replace(verified, report=replace(verified.report, mr_enclave=MrEnclave(bytes(32))))
    assert len(refusals(policy, other)) == 1
    older = replace(verified, tcb_evaluation_data_number=verified.tcb_evaluation_data_number - 1)
    assert len(refusals(policy, older)) == 1


def test_what_is_bad_about_evidence_is_not_accepted_because_it_was_there(debug_scene):
    verified = debug_scene.verify()
    (reason,) = refusals(propose(verified), verified)
    assert "debug enclave" in reason


CHANGES = [
    {"mr_td": MrTd(bytes([9] * 48))},
    *({f"rtmr{number}": Rtmr(bytes([9] * 48))} for number in range(4)),
    {"xfam": Xfam(bytes([9] * 8))},
    {"mr_service_td": MrServiceTd(bytes([9] * 48))},
    {"td_attributes": TdAttributes(bytes(8))},
    {"td_attributes": TdAttributes(int(TdFlags.SEPT_VE_DISABLE | TdFlags.PKS).to_bytes(8, "little"))},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_the_policy_of_a_domain_accepts_this_build_and_configuration_only(domain_scene, change):
    verified = domain_scene.verify()
    policy = propose(verified)
    assert parse_policy(policy.encode().encode()) == policy
    appraise(replace(verified, body=replace(verified.body, report_data=ReportData(bytes([1] * 64)))), policy)
    assert len(refusals(policy, replace(verified, body=replace(verified.body, **change)))) == 1


def test_a_service_domain_that_is_bound_is_named(domain_scene):
    verified = domain_scene.verify()
    bound = replace(verified, body=replace(verified.body, mr_service_td=MrServiceTd(bytes([9] * 48))))
    policy = propose(bound)
    assert policy.service_domains == {MrServiceTd(bytes([9] * 48))}
    appraise(bound, policy)


def test_of_a_domain_of_tdx_1_0_nobody_knows_what_is_bound(platform):
    verified = DomainScene.on(platform, domain(TdBody), version=4).verify()
    policy = propose(verified)
    assert policy.service_domains is None
    appraise(verified, policy)
