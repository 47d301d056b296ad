"""What a policy accepts, in plain words: headings, each with what is accepted under it, one or the other."""

from collections.abc import Iterable
from typing import Any

from caisson.evidence import (
    INTEL_SGX_ROOT,
    AnyPolicy,
    EnclaveRule,
    Policy,
    RootKey,
    SnpPolicy,
    TcbStatus,
    TdxPolicy,
)
from caisson.evidence.policy import ANY, IntelPolicy
from caisson.evidence.snp import AMD_GENOA_ROOT, AMD_MILAN_ROOT, AMD_TURIN_ROOT

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
_VENDORS = {
    INTEL_SGX_ROOT: "Intel's SGX root",
    AMD_MILAN_ROOT: "AMD's root for Milan",
    AMD_GENOA_ROOT: "AMD's root for Genoa",
    AMD_TURIN_ROOT: "AMD's root for Turin",
}
_MACHINES = {"fmspc": "of the model", "ppid": "with the processor", "instance": "of several processors,"}
_GUEST = {
    "measurement": "measurement {}",
    "host_data": "host data {}",
    "id_key_digest": "signed by the ID key {}",
    "author_key_digest": "its signer certified by the author key {}",
    "family_id": "family {}",
    "image_id": "image {}",
    "minimum_guest_svn": "security version {} or later",
}
_NONE = "none is accepted"


def policy_words(policy: AnyPolicy) -> dict[str, list[str]]:
    """Give what a policy accepts by headings; whatever stands in the file has its part in it."""
    match policy:
        case Policy():
            return _enclaves(policy)
        case TdxPolicy():
            return _domains(policy)
        case SnpPolicy():
            return _guests(policy)


def _enclaves(policy: Policy) -> dict[str, list[str]]:
    return {
        **_platform(policy),
        "enclave": [_enclave(rule) for rule in policy.enclaves] or [_NONE],
        "key server": [f"{server} provisioned it" for server in sorted(map(str, policy.key_servers))]
        or ["none: no activation is accepted"],
        **(_bound(policy) if "platforms" in policy.members else {}),
    }


def _domains(policy: TdxPolicy) -> dict[str, list[str]]:
    stated = policy.members
    xfam, bound = stated["allowed_xfam"], stated["service_domains"]
    return {
        **_platform(policy),
        "module": _each(stated["modules"], "MRSEAM {}", anything="any that the platform's collateral knows"),
        "attributes": [
            f"{_all(stated['required_attributes'])} required, {_all(stated['allowed_attributes'])} allowed besides"
        ],
        "extended state": [ANY if xfam == ANY else f"no more than XFAM {xfam}"],
        "service domains": ["any may be bound"]
        if bound == ANY
        else ["none is bound", *(f"those with the hash {each} are" for each in bound)],
        "domain": [_listed(f"{name.upper()} {value}" for name, value in rule.items()) for rule in stated["domains"]]
        or [_NONE],
        **_bound(policy),
    }


def _guests(policy: SnpPolicy) -> dict[str, list[str]]:
    stated = policy.members
    days = policy.maximum_collateral_age_days
    return {
        "platform": _roots(policy.roots),
        "signing key": [_signing_key(key, stated["csp_ids"]) for key in stated["signing_keys"]] or [_NONE],
        "chip": _each(stated["chips"], "{}", anything=ANY),
        "TCB": [
            f"{product.capitalize()} from {_listed(f'{part} {level}' for part, level in floor.items())} on, "
            "as reported and at launch"
            for product, floor in stated["minimum_tcb"].items()
        ]
        or ["none: no product is accepted"],
        "firmware": [
            "committed, or provisional: that can still be rolled back"
            if policy.allow_provisional_firmware
            else "committed: it cannot be rolled back"
        ],
        "mitigations": [_mitigations(stated.get("required_mitigations", ()))],
        "platform bits": [
            f"{_all(stated['required_platform'])} required, {_all(stated.get('forbidden_platform', ()))} refused"
        ],
        "revocation": [
            "AMD's list was looked at" + ("" if days is None else f", and {_issued(days)}")
            if policy.require_revocation_list
            else "nobody has to look at AMD's list"
        ],
        "debug": [_allowed(policy.allow_debug)],
        "migration": [_allowed(policy.allow_migration)],
        "shared cores": [_allowed(policy.allow_smt)],
        "CXL": [_allowed(policy.allow_cxl)],
        "policy bits": [f"{_all(stated['required_policy'])} required"],
        "privilege": _each(stated["vmpls"], "level {}", anything=ANY),
        "guest": [_listed(_GUEST[name].format(value) for name, value in rule.items()) for rule in stated["guests"]]
        or [_NONE],
        "report data": _each(stated["report_data"], "{}", anything=ANY),
    }


def _platform(policy: IntelPolicy) -> dict[str, list[str]]:
    """Give what policies for SGX and for TDX ask of the platform."""
    number, days = policy.minimum_tcb_evaluation_data_number, policy.maximum_collateral_age_days
    collateral = [f"from TCB evaluation {number} or later"] if number else []
    collateral += [] if days is None else [_issued(days)]
    return {
        "platform": _roots(policy.roots),
        "TCB": [f"{status}: {MEANING[status]}" for status in sorted(policy.tcb_statuses)]
        or ["none: no status is accepted"],
        "advisories": [f"{', '.join(sorted(policy.advisories)) or 'none'} may apply"],
        "collateral": [", and ".join(collateral) or "of any age that is still valid"],
        "debug": [_allowed(policy.allow_debug)],
    }


def _bound(policy: IntelPolicy) -> dict[str, list[str]]:
    """Give what they can ask for from version 2 on, besides the age of collateral."""
    machines, data = policy.members["platforms"], policy.members["report_data"]
    return {
        "machine": [ANY]
        if machines == ANY
        else [f"{_MACHINES[name.partition(':')[0]]} `{name}`" for name in machines] or [_NONE],
        "report data": _each(data, "{}", anything=ANY),
    }


def _roots(roots: frozenset[RootKey]) -> list[str]:
    return [
        f"{_VENDORS[root]} vouches for it: real hardware"
        if root in _VENDORS
        else f"the root with key {root} vouches for it: whoever holds that key can claim anything"
        for root in sorted(roots, key=str)
    ] or ["none: no root is accepted"]


def _enclave(rule: EnclaveRule) -> str:
    parts = [
        f"MRENCLAVE {rule.mr_enclave}" if rule.mr_enclave else None,
        f"signed by MRSIGNER {rule.mr_signer}" if rule.mr_signer else None,
        f"product {rule.isv_prod_id}" if rule.isv_prod_id is not None else None,
        f"security version {rule.minimum_isv_svn} or later" if rule.minimum_isv_svn is not None else None,
    ]
    return _listed(part for part in parts if part is not None)


def _signing_key(key: str, providers: Any) -> str:
    if key == "VCEK":
        return "the chip's own (VCEK)"
    return f"a cloud provider's (VLEK): {ANY if providers == ANY else ' or '.join(providers) or 'none is accepted'}"


def _mitigations(bits: Iterable[int]) -> str:
    return f"{_all(bits)} required, at launch and now" if bits else "none required"


def _each(values: Any, words: str, *, anything: str) -> list[str]:
    return [anything] if values == ANY else [words.format(value) for value in values] or [_NONE]


def _all(values: Iterable[object]) -> str:
    return " and ".join(map(str, values)) or "none"


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _issued(days: int) -> str:
    return f"issued at most {days} day{'' if days == 1 else 's'} before"


def _allowed(allowed: bool) -> str:  # noqa: FBT001 - it is the only question
    return "allowed" if allowed else "refused"
