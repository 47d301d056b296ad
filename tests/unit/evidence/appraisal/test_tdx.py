"""Trust domains: each thing that a policy names refuses alone, and every mismatch is told."""

from dataclasses import replace

import pytest

from caisson.abi import ReportData
from caisson.evidence.appraisal.tdx import domain_mismatches
from caisson.evidence.policy import DomainRule, TdxPolicy
from caisson.tdx import (
    MrConfigId,
    MrOwner,
    MrOwnerConfig,
    MrSeam,
    MrServiceTd,
    MrTd,
    Rtmr,
    TdAttributes,
    TdBody,
    TdBody15,
    TdFlags,
    Xfam,
)


def attributes(bits):
    return TdAttributes(int(bits).to_bytes(8, "little"))


@pytest.fixture
def body():
    parsed = TdBody15.parse(bytes(TdBody15.size()))
    return replace(parsed, td_attributes=attributes(TdFlags.SEPT_VE_DISABLE), xfam=Xfam.from_hex("e702060000000000"))


@pytest.fixture
def policy(body):
    return TdxPolicy(
        roots=frozenset(),
        tcb_statuses=frozenset(),
        advisories=frozenset(),
        allow_debug=False,
        minimum_tcb_evaluation_data_number=0,
        platforms=None,
        report_data=frozenset({ReportData(bytes(64))}),
        modules=frozenset({body.mr_seam}),
        required_attributes=TdFlags.SEPT_VE_DISABLE,
        allowed_attributes=TdFlags.PKS,
        allowed_xfam=body.xfam,
        service_domains=frozenset(),
        domains=(DomainRule(mr_td=body.mr_td),),
    )


def reasons(body, policy):
    return tuple(domain_mismatches(body, policy))


def test_what_the_policy_names_is_accepted(body, policy):
    assert reasons(body, policy) == ()
    allowed = attributes(TdFlags.SEPT_VE_DISABLE | TdFlags.PKS)
    assert reasons(replace(body, td_attributes=allowed), policy) == ()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"td_attributes": attributes(TdFlags.SEPT_VE_DISABLE | TdFlags.DEBUG)}, "under debug"),
        ({"td_attributes": attributes(TdFlags.SEPT_VE_DISABLE | 1 << 7)}, "under debug"),
        ({"td_attributes": attributes(0)}, "lacks the attributes SEPT_VE_DISABLE"),
        ({"td_attributes": attributes(TdFlags.SEPT_VE_DISABLE | TdFlags.MIGRATABLE)}, "has the attributes MIGRATABLE"),
        ({"td_attributes": attributes(TdFlags.SEPT_VE_DISABLE | 1 << 40)}, "has the attributes 0x10000000000"),
        ({"mr_seam": MrSeam(b"M" * 48)}, "MRSEAM"),
        ({"xfam": Xfam.from_hex("e702060000000001")}, "XFAM"),
        ({"mr_service_td": MrServiceTd(b"S" * 48)}, "service domains"),
        ({"mr_td": MrTd(b"T" * 48)}, "none of those accepted: mrtd is"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_thing_alone_refuses(body, policy, change, word):
    (reason,) = reasons(replace(body, **change), policy)
    assert word in reason


def test_every_mismatch_is_told(body, policy):
    other = replace(body, td_attributes=attributes(TdFlags.DEBUG), mr_seam=MrSeam(b"M" * 48), mr_td=MrTd(b"T" * 48))
    assert len(reasons(other, policy)) == 4


def test_an_empty_list_accepts_nothing(body, policy):
    assert reasons(body, replace(policy, domains=())) == ("no domain is accepted: `domains` is empty",)
    assert len(reasons(body, replace(policy, modules=frozenset()))) == 1


def test_what_is_any_is_not_looked_at(body, policy):
    lax = replace(policy, modules=None, allowed_xfam=None, service_domains=None, allow_debug=True)
    strange = replace(
        body,
        mr_seam=MrSeam(b"M" * 48),
        xfam=Xfam(b"\xff" * 8),
        mr_service_td=MrServiceTd(b"S" * 48),
        td_attributes=attributes(TdFlags.SEPT_VE_DISABLE | TdFlags.DEBUG),
    )
    assert reasons(strange, lax) == ()


def test_a_body_that_names_no_service_domains_may_have_any(body, policy):
    old = TdBody.parse(body.encode()[: TdBody.size()])
    (reason,) = reasons(old, policy)
    assert "only `any` accepts that" in reason
    assert reasons(old, replace(policy, service_domains=None)) == ()


def test_service_domains_that_are_named_are_accepted(body, policy):
    bound = MrServiceTd(b"S" * 48)
    assert reasons(replace(body, mr_service_td=bound), replace(policy, service_domains=frozenset({bound}))) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [(f"rtmr{number}", Rtmr(b"R" * 48)) for number in range(4)]
    + [
        ("mr_config_id", MrConfigId(b"C" * 48)),
        ("mr_owner", MrOwner(b"O" * 48)),
        ("mr_owner_config", MrOwnerConfig(b"W" * 48)),
    ],
)
def test_everything_that_a_rule_names_must_hold(body, policy, name, value):
    rule = replace(policy.domains[0], **{name: value})
    assert len(reasons(body, replace(policy, domains=(rule,)))) == 1
    assert reasons(replace(body, **{name: value}), replace(policy, domains=(rule,))) == ()
