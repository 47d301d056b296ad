"""Policies, and cases that test them, in TOML and JSON: what is read is written so that the same is read again."""

import json

from caisson.evidence import PolicyCases, described, parse_policy, policy_id
from tests.fuzz.evidence import each
from tests.unit.evidence.policy.test_every_tee import GOOD
from tests.unit.evidence.test_cases import FILE


def check(raw):
    each(lambda: _policy(raw), lambda: PolicyCases.parse(raw))


def _policy(raw):
    policy = parse_policy(raw)
    again = parse_policy(policy.encode().encode())
    assert again == policy
    assert policy_id(again) == policy_id(policy)
    assert list(described(policy))


def extra_seeds():
    texts = [json.dumps(table) for table in GOOD.values()]
    policies = [either.encode() for text in texts for either in (text, parse_policy(text.encode()).encode())]
    return [*policies, json.dumps(FILE).encode()]
