"""From one release of a program to the next: what changes in its identity, and what breaks by it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from caisson.deploy.identity import EnclaveIdentity
from caisson.enclave import manifest
from caisson.enclave.manifest import Version, diff
from caisson.evidence import EnclaveRule, Policy

_NAMES = {"mr_enclave": "mrenclave", "mr_signer": "mrsigner"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is different; `old` and `new` are for people."""

    what: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVerdict:
    """What a policy makes of the new release; `reasons` say why it refuses it.

    `overlapping` is the policy while both run, `final` the one that accepts the new release and no longer the old.
    None means that there is nothing to change, or nothing that would be safe to propose.
    """

    name: str
    reasons: tuple[str, ...]
    overlapping: Policy | None = None
    final: Policy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """The whole comparison. `sealed` names mounts whose data the new release cannot read.

    The same image has no changes, and its policies nothing to change.
    """

    changes: tuple[Change, ...]
    policies: tuple[PolicyVerdict, ...]
    sealed: tuple[str, ...]
    downgrade: bool


def compare(old: EnclaveIdentity, new: EnclaveIdentity, policies: dict[str, Policy]) -> Upgrade:
    """Compare two releases under the policies that are in force, by name."""
    difference = diff(_version(old), _version(new))
    return Upgrade(
        changes=(*_changes(old, new), *map(_said, difference.changes)),
        policies=tuple(_verdict(name, policy, old, new) for name, policy in policies.items()),
        sealed=tuple(data.path for data in difference.kept if not data.readable),
        downgrade=new.isv_svn < old.isv_svn,
    )


def _version(identity: EnclaveIdentity) -> Version:
    return Version(raw=identity.manifest.encode(), mr_enclave=identity.mr_enclave, mr_signer=identity.mr_signer)


def _changes(old: EnclaveIdentity, new: EnclaveIdentity) -> Iterator[Change]:
    """Give what differs beside the manifests."""
    values = {
        "image": (old.image.pin.digest, new.image.pin.digest),
        "MRENCLAVE": (old.mr_enclave, new.mr_enclave),
        "MRSIGNER": (old.mr_signer, new.mr_signer),
        "workload": (old.image.workload, new.image.workload),
        "ports": (_list(old.image.ports), _list(new.image.ports)),
        "volumes": (_list(old.image.volumes), _list(new.image.volumes)),
    }
    for what, (before, after) in values.items():
        if before != after:
            yield Change(what=what, old=str(before), new=str(after))


def _said(change: manifest.Change) -> Change:
    return Change(what=change.path, old=_value(change.before), new=_value(change.after))


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)


def _list(items: tuple[object, ...]) -> str:
    return ", ".join(map(str, items)) or "none"


def _verdict(name: str, policy: Policy, old: EnclaveIdentity, new: EnclaveIdentity) -> PolicyVerdict:
    reasons = tuple(_reasons(policy, new))
    if old == new:
        return PolicyVerdict(name=name, reasons=reasons)  # there is no other release to accept or to refuse
    if new.isv_svn < old.isv_svn or (new.debug and not policy.allow_debug):
        return PolicyVerdict(name=name, reasons=reasons)  # a weaker policy is nobody's upgrade
    of_old = tuple(rule for rule in policy.enclaves if not tuple(_unlike(rule, old)))
    kept = tuple(rule for rule in policy.enclaves if rule not in of_old)
    following = tuple(_follow(rule, new) for rule in of_old) or (_exactly(new),)
    pin = frozenset({new.image.key_server_pin} if new.image.key_server_pin is not None else ())
    overlapping = replace(
        policy,
        enclaves=tuple(dict.fromkeys((*policy.enclaves, *following))),
        key_servers=policy.key_servers | pin,
    )
    former = frozenset({old.image.key_server_pin}) - pin if pin else frozenset()
    final = replace(
        policy,
        enclaves=tuple(dict.fromkeys((*kept, *following))),
        key_servers=frozenset(server for server in policy.key_servers | pin if server not in former),
    )
    return PolicyVerdict(
        name=name,
        reasons=reasons,
        overlapping=overlapping if reasons else None,
        final=None if final == policy else final,
    )


def _reasons(policy: Policy, identity: EnclaveIdentity) -> Iterator[str]:
    """Say why a policy refuses an enclave, as far as that is known before it runs."""
    if identity.debug and not policy.allow_debug:
        yield "it is a debug enclave"
    pin = identity.image.key_server_pin
    if pin is not None and pin not in policy.key_servers:
        yield f"its key server {pin} is not accepted"
    differences = [tuple(_unlike(rule, identity)) for rule in policy.enclaves]
    if all(differences):
        yield "; or ".join(", ".join(found) for found in dict.fromkeys(differences)) or "it accepts no enclave"


def _unlike(rule: EnclaveRule, identity: EnclaveIdentity) -> Iterator[str]:
    for name in ("mr_enclave", "mr_signer", "isv_prod_id"):
        if getattr(rule, name) not in (None, getattr(identity, name)):
            yield f"another {_NAMES.get(name, name)}"
    if rule.minimum_isv_svn is not None and identity.isv_svn < rule.minimum_isv_svn:
        yield f"isv_svn {identity.isv_svn} is less than {rule.minimum_isv_svn}"


def _follow(rule: EnclaveRule, new: EnclaveIdentity) -> EnclaveRule:
    """Give the rule that says of the new release what this one says of the old; a minimum never sinks."""
    return replace(
        rule,
        mr_enclave=None if rule.mr_enclave is None else new.mr_enclave,
        mr_signer=None if rule.mr_signer is None else new.mr_signer,
        isv_prod_id=None if rule.isv_prod_id is None else new.isv_prod_id,
        minimum_isv_svn=None if rule.minimum_isv_svn is None else max(rule.minimum_isv_svn, new.isv_svn),
    )


def _exactly(new: EnclaveIdentity) -> EnclaveRule:
    return EnclaveRule(mr_enclave=new.mr_enclave, mr_signer=new.mr_signer)
