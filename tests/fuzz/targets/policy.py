"""Policies in TOML and JSON: what is read is written so that the same is read again."""

import json

from caisson.evidence import described, parse_policy, policy_id
from tests.unit.evidence.policy.test_every_tee import GOOD


def check(raw):
    policy = parse_policy(raw)
    again = parse_policy(policy.encode().encode())
    assert again == policy
    assert policy_id(again) == policy_id(policy)
    assert list(described(policy))


def extra_seeds():
    texts = [json.dumps(table) for table in GOOD.values()]
    return [each.encode() for text in texts for each in (text, parse_policy(text.encode()).encode())]
