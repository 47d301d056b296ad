"""From one release of a program to the next: what changes in its identity, and what breaks by it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from caisson.deploy.identity import EnclaveIdentity
from caisson.enclave import Manifest
from caisson.evidence import EnclaveRule, Policy

_NAMES = {"mr_enclave": "mrenclave", "mr_signer": "mrsigner"}
_SEALED_TO_ENCLAVE, _SEALED_TO_SIGNER = "_sgx_mrenclave", "_sgx_mrsigner"


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
    """The whole comparison. `sealed` names mounts whose data the new release cannot read."""

    changes: tuple[Change, ...]
    policies: tuple[PolicyVerdict, ...]
    sealed: tuple[str, ...]
    downgrade: bool


def compare(old: EnclaveIdentity, new: EnclaveIdentity, policies: dict[str, Policy]) -> Upgrade:
    """Compare two releases under the policies that are in force, by name."""
    return Upgrade(
        changes=tuple(_changes(old, new)),
        policies=tuple(_verdict(name, policy, old, new) for name, policy in policies.items()),
        sealed=tuple(_sealed(old, new)),
        downgrade=new.isv_svn < old.isv_svn,
    )


def _changes(old: EnclaveIdentity, new: EnclaveIdentity) -> Iterator[Change]:
    values = {
        "MRENCLAVE": (old.mr_enclave, new.mr_enclave),
        "MRSIGNER": (old.mr_signer, new.mr_signer),
        "product": (old.isv_prod_id, new.isv_prod_id),
        "security version": (old.isv_svn, new.isv_svn),
        "debug": (old.debug, new.debug),
        "runtime": (old.image.runtime, new.image.runtime),
        "key server": (old.image.key_server_pin or "any", new.image.key_server_pin or "any"),
        "workload": (old.image.workload, new.image.workload),
        "enclave size": (old.manifest.sgx.enclave_size, new.manifest.sgx.enclave_size),
        "threads": (old.manifest.sgx.max_threads, new.manifest.sgx.max_threads),
        "command line": (" ".join(old.manifest.loader.argv), " ".join(new.manifest.loader.argv)),
        "user": (f"{old.image.uid}:{old.image.gid}", f"{new.image.uid}:{new.image.gid}"),
        "ports": (_list(old.image.ports), _list(new.image.ports)),
        "volumes": (_list(old.image.volumes), _list(new.image.volumes)),
    }
    for what, (before, after) in values.items():
        if before != after:
            yield Change(what=what, old=str(before), new=str(after))
    yield from _differences("variable", _variables(old.manifest), _variables(new.manifest))
    yield from _differences("trusted file", _files(old.manifest), _files(new.manifest))


def _differences(what: str, old: dict[str, str], new: dict[str, str]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Change(what=f"{what} `{name}`", old=old.get(name, "none"), new=new.get(name, "none"))


def _variables(manifest: Manifest) -> dict[str, str]:
    return {item.name: "from the host" if item.value is None else item.value for item in manifest.loader.env}


def _files(manifest: Manifest) -> dict[str, str]:
    return {file.uri.removeprefix("file:"): file.sha256 for file in manifest.sgx.trusted_files}


def _list(items: tuple[object, ...]) -> str:
    return ", ".join(map(str, items)) or "none"


def _sealed(old: EnclaveIdentity, new: EnclaveIdentity) -> Iterator[str]:
    """Name the mounts whose keys the CPU derives from an identity that the new release has not (SDM 3D, EGETKEY)."""
    same_signer = (old.mr_signer, old.isv_prod_id) == (new.mr_signer, new.isv_prod_id) and new.isv_svn >= old.isv_svn
    usable = {_SEALED_TO_ENCLAVE: old.mr_enclave == new.mr_enclave, _SEALED_TO_SIGNER: same_signer}
    keys_now = {mount.path: mount.key_name for mount in new.manifest.fs.mounts}
    for mount in old.manifest.fs.mounts:
        if mount.key_name is None:
            continue
        if not usable.get(mount.key_name, True) or keys_now.get(mount.path) != mount.key_name:
            yield mount.path


def _verdict(name: str, policy: Policy, old: EnclaveIdentity, new: EnclaveIdentity) -> PolicyVerdict:
    reasons = tuple(_reasons(policy, new))
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
