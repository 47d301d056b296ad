"""Appraisal policies: every field is required, unknown ones are errors, and an empty list accepts nothing."""

from collections.abc import Iterator
from typing import Any

from caisson.errors import Malformed
from caisson.evidence.policy import sgx, snp, tdx
from caisson.evidence.policy.files import read_file
from caisson.evidence.policy.intel import INTEL_ROOT_NAME, IntelPolicy, PlatformName
from caisson.evidence.policy.kinds import ANY, HINT
from caisson.evidence.policy.schema import policy_schema
from caisson.evidence.policy.sgx import EnclaveRule, Policy
from caisson.evidence.policy.snp import GuestRule, SnpPolicy
from caisson.evidence.policy.tdx import DomainRule, TdxPolicy

__all__ = [
    "ANY",
    "INTEL_ROOT_NAME",
    "AnyPolicy",
    "DomainRule",
    "EnclaveRule",
    "GuestRule",
    "IntelPolicy",
    "PlatformName",
    "Policy",
    "SnpPolicy",
    "TdxPolicy",
    "described",
    "parse_policy",
    "policy_schema",
]

AnyPolicy = Policy | TdxPolicy | SnpPolicy
_MEMBERS = {sgx.TEE: sgx.MEMBERS_2, tdx.TEE: tdx.MEMBERS, snp.TEE: snp.MEMBERS_4}
_POLICIES: dict[object, type[AnyPolicy]] = {sgx.TEE: Policy, tdx.TEE: TdxPolicy, snp.TEE: SnpPolicy}


def described(policy: AnyPolicy) -> Iterator[tuple[str, str, Any]]:
    """Say what each member of a policy is about: its name, the words for it, and what stands in the file."""
    members = policy.members
    for each in _MEMBERS[members["tee"]]:
        if each.name in members:
            yield each.name, each.says, members[each.name]


def parse_policy(raw: bytes) -> AnyPolicy:
    """Read a policy for whatever TEE it names, in TOML or JSON.

    Raises:
        Malformed: neither, or a field that is missing, unknown or wrong.
    """
    table = read_file(raw)
    tee = table.get("tee")
    policy = _POLICIES.get(tee) if isinstance(tee, str) else None
    if policy is None:
        raise Malformed("policy does not name one of the TEEs `sgx`, `tdx` and `sev-snp`", hint=HINT)
    return policy.of(table)
