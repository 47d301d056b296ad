"""What a policy accepts, in plain words."""

from collections.abc import Iterator
from typing import Any

from caisson.evidence import INTEL_SGX_ROOT, AnyPolicy, EnclaveRule, Policy, TcbStatus, described
from caisson.evidence.policy import ANY

_REQUIRED = "required_"
_OR_ANY = "; or `any`"
_IN_VERSION_2 = ("maximum_collateral_age_days", "platforms", "report_data")
MEANING = {
    TcbStatus.UP_TO_DATE: "every known fix is in",
    TcbStatus.SW_HARDENING_NEEDED: "every fix is in, but programs have to be hardened as the advisories say",
    TcbStatus.CONFIGURATION_NEEDED: "every fix is in, but the platform's configuration leaves a hole open",
    TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED: "configuration and programs both have to be hardened",
    TcbStatus.OUT_OF_DATE: "fixes are missing: secrets may be read by whoever has the machine",
    TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED: "fixes are missing, and the configuration leaves a hole open",
    TcbStatus.TD_RELAUNCH_ADVISED: "every fix is in, but the trust domain was launched without them",
    TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED: "the same, and the configuration leaves a hole open",
}


def policy_words(policy: AnyPolicy) -> dict[str, list[str]]:
    """Give what a policy accepts by headings, each with what is accepted under it, one or the other."""
    said = {name: _items(name, says, value) for name, says, value in described(policy)}
    if not isinstance(policy, Policy):
        return said
    number = policy.minimum_tcb_evaluation_data_number
    return {
        "platform": [
            "Intel's SGX root vouches for it: real hardware"
            if root == INTEL_SGX_ROOT
            else f"the root with key {root} vouches for it: whoever holds that key can claim anything"
            for root in sorted(policy.roots, key=str)
        ]
        or ["none: no root is accepted"],
        "TCB": [f"{status}: {MEANING[status]}" for status in sorted(policy.tcb_statuses)]
        or ["none: no status is accepted"],
        "advisories": [f"{', '.join(sorted(policy.advisories)) or 'none'} may apply"],
        "collateral": [f"from TCB evaluation {number} or later" if number else "of any age that is still valid"],
        "debug": ["allowed" if policy.allow_debug else "refused"],
        "enclave": [_enclave(rule) for rule in policy.enclaves] or ["none is accepted"],
        "key server": [f"{server} provisioned it" for server in sorted(map(str, policy.key_servers))]
        or ["none: no activation is accepted"],
        **{name: said[name] for name in _IN_VERSION_2 if name in said},
    }


def _enclave(rule: EnclaveRule) -> str:
    parts = [
        f"MRENCLAVE {rule.mr_enclave}" if rule.mr_enclave else None,
        f"signed by MRSIGNER {rule.mr_signer}" if rule.mr_signer else None,
        f"product {rule.isv_prod_id}" if rule.isv_prod_id is not None else None,
        f"security version {rule.minimum_isv_svn} or later" if rule.minimum_isv_svn is not None else None,
    ]
    return ", ".join(part for part in parts if part is not None)


def _items(name: str, says: str, value: Any) -> list[str]:
    """Say what a member is about, and then each value that it accepts; what is required is required all together."""
    words = list(_values(value)) or ["none"]
    first, *others = [" and ".join(words)] if name.startswith(_REQUIRED) else words
    about, _, which = says.partition(_OR_ANY)
    return [f"{about}: {first}{which if value == ANY else ''}", *others]


def _values(value: Any) -> Iterator[str]:
    match value:
        case bool():
            yield "yes" if value else "no"
        case list():
            yield from (_rule(each) if isinstance(each, dict) else str(each) for each in value)
        case dict():
            yield from (f"{name} from {_rule(levels)} on" for name, levels in value.items())
        case _:
            yield str(value)


def _rule(members: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in members.items())
