"""A proposed policy accepts the guest that it was made of, nothing else, and not what is bad about a bad one."""

from dataclasses import replace

import pytest

from caisson.errors import PolicyRejected
from caisson.evidence import appraise, parse_policy, propose
from caisson.evidence.snp import verify_snp
from caisson.snp import GuestPolicy, Measurement, PolicyFlags, Product, TcbComponents


def verified_of(case):
    positional, named = case.arguments()
    return verify_snp(*positional, **named)


def refusals(policy, verified):
    with pytest.raises(PolicyRejected) as caught:
        appraise(verified, policy)
    return caught.value.reasons


@pytest.mark.parametrize(("kind", "csp_ids"), [("VCEK", 0), ("VLEK", 1)])
@pytest.mark.parametrize("product", ["Genoa", "Turin"])
def test_the_policy_of_a_guest_accepts_this_build_only(maker, product, kind, csp_ids):
    verified = verified_of(maker.case(product, kind, crl=maker.crl(issuer=f"ARK-{product}")))
    policy = propose(verified)
    assert parse_policy(policy.encode().encode()) == policy
    assert len(policy.csp_ids) == csp_ids
    appraise(verified, policy)
    other = replace(verified, report=replace(verified.report, measurement=Measurement(bytes([9] * 48))))
    assert len(refusals(policy, other)) == 1
    assert len(refusals(policy, replace(verified, product=Product.MILAN))) == 1
    assert len(refusals(policy, replace(verified, report=replace(verified.report, vmpl=3)))) == 1
    assert len(refusals(policy, replace(verified, revocation_list_issued=None))) == 1
    more = GuestPolicy(bits=verified.report.policy.bits | PolicyFlags.CXL_ALLOW)
    assert len(refusals(policy, replace(verified, report=replace(verified.report, policy=more)))) == 1


def test_what_runs_on_older_firmware_is_refused(maker):
    verified = verified_of(maker.case(crl=maker.crl()))
    older = TcbComponents(bootloader=10, tee=0, snp=22, microcode=84)
    assert len(refusals(propose(verified), replace(verified, reported_tcb=older))) == 1


def test_what_is_bad_about_a_report_is_not_accepted_because_it_was_there(maker):
    flags = 0x30000 | PolicyFlags.DEBUG | PolicyFlags.MIGRATE_MA
    verified = verified_of(maker.case(report=maker.report(policy=GuestPolicy(bits=flags))))
    reasons = refusals(propose(verified), verified)
    assert [next(word for word in ("revocation", "debugged", "migra") if word in reason) for reason in reasons] == [
        "revocation",
        "debugged",
        "migra",
    ]
