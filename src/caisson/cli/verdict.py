"""A verdict on evidence, to be read in ten seconds: what runs, who signed it, where, since when good, what is wrong."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from caisson.errors import Rejected
from caisson.evidence import AttestationResult
from caisson.evidence.appraisal import DEBUG, NO_REVOCATION_LIST

_NOTHING_KNOWN: dict[str, Any] = {"tcb_status": None, "advisory_ids": [], "debug": None}
_WHOLE = "is all of it whole, and does it belong together? docs/concepts/verification.md says what is asked"
_MINUTE = "%Y-%m-%d %H:%M"
_NAMES = {"sgx": "Intel SGX", "tdx": "Intel TDX"}


def verdict_words(result: AttestationResult, *, of: str | None = None) -> str:
    """Give the lines: the verdict first, then what was found, then everything that speaks against it.

    `of` is the address that evidence was asked from.
    """
    facts = result.facts
    lines = [_verdict(result) if of is None else _verdict_on(of, result)]
    for name, value in (*_who(facts), *_platform(result)):
        lines.append(f"  {name:<12}  {value}")
    if "certificate" in facts:
        begins, ends = (f"{datetime.fromisoformat(facts['certificate'][end]):{_MINUTE}}" for end in ("begins", "ends"))
        lines.append(f"  {'certificate':<12}  from {begins} until {ends} UTC")
    if result.expires is not None:
        lines.append(f"  {'holds until':<12}  {result.expires:{_MINUTE}} UTC")
    lines += [f"  {'wrong':<12}  {reason}" for reason in result.reasons]
    lines += [f"  {'warning':<12}  {warning}" for warning in _warnings(facts, frozenset(result.reasons))]
    return "\n".join(lines)


def verdict_data(result: AttestationResult) -> dict[str, Any]:
    """Give the members that say the same to programs."""
    return {
        "genuine": result.genuine,
        "accepted": result.accepted,
        "status": result.status.name.lower(),
        "reasons": list(result.reasons),
        "tee": result.tee,
        "vector": result.vector.members(),
        "policy_id": result.policy_id,
        "at": result.at.isoformat(),
        "expires": None if result.expires is None else result.expires.isoformat(),
        **_NOTHING_KNOWN,
        **result.facts,
    }


def require_acceptable(result: AttestationResult) -> None:
    """Turn a no that was told in full into an exit code, with few words: a policy's reasons are not told twice.

    Raises:
        Rejected: it is not genuine, or the policy does not accept it.
    """
    if not result.genuine:
        raise Rejected(result.reasons[0], hint=result.hint or _WHOLE)
    if result.accepted is False:
        count = len(result.reasons)
        number = "one reason" if count == 1 else f"{count} reasons"
        raise Rejected(f"the policy does not accept it, for {number}", hint=result.hint)


def _verdict(result: AttestationResult) -> str:
    if not result.genuine:
        return "REFUSED: it is not shown to be genuine"
    if result.accepted is None:
        return "genuine; whether it is acceptable, no policy was asked"
    return "accepted: it is genuine, and what the policy asks for" if result.accepted else "REFUSED by the policy"


def _verdict_on(address: str, result: AttestationResult) -> str:
    if not result.genuine:
        return f"REFUSED: {address} does not show genuine evidence"
    if not result.accepted:
        return f"REFUSED: {address} is not what the policy accepts"
    facts = result.facts
    if "workload" in facts:
        return f"{address} is workload `{facts['workload']}`, and the policy accepts it"
    return (
        f"{address} is {'a trust domain' if 'mrtd' in facts else 'an enclave'} with RA-TLS, and the policy accepts it"
    )


def _who(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "mrenclave" in facts:
        yield "what runs", f"MRENCLAVE {facts['mrenclave']}"
        yield (
            "signed by",
            f"MRSIGNER  {facts['mrsigner']}, product {facts['isv_prod_id']}, version {facts['isv_svn']}",
        )
    if "measurement" in facts:
        yield "what runs", f"measurement {facts['measurement']}"
        yield "signed by", _guest_signer(facts)
    if "mrtd" in facts:
        yield "what runs", f"MRTD  {facts['mrtd']}"
        yield from (("", f"RTMR{number} {register}") for number, register in enumerate(facts["rtmrs"]))
    if "workload" in facts:
        yield "provisioned", f"as workload `{facts['workload']}` by the key server {facts['key_server']}"
    elif facts.get("evidence") == "ra-tls":
        yield "provisioned", "by nobody whom this evidence names"


def _guest_signer(facts: dict[str, Any]) -> str:
    if not int(facts["id_key_digest"], 16):
        return "nobody: the guest was launched without an ID block"
    return f"ID key {facts['id_key_digest']}, image {facts['image_id']}, version {facts['guest_svn']}"


def _platform(result: AttestationResult) -> Iterator[tuple[str, str]]:
    facts = result.facts
    if "tcb_status" in facts:
        yield "platform", _machine(_NAMES[str(result.tee)], f", FMSPC {facts['fmspc']}", facts)
        yield "TCB", _standing(facts)
        if facts["advisory_ids"]:
            yield "advisories", ", ".join(facts["advisory_ids"])
        if facts.get("current_tcb_status") not in (None, facts["tcb_status"]):
            yield "TCB now", f"{facts['current_tcb_status']}, of what runs below the domain since an update"
    elif "product" in facts:
        yield "platform", _machine(f"AMD {facts['product']}", "", facts)
        yield "TCB", facts["reported_tcb"]


def _machine(name: str, kind: str, facts: dict[str, Any]) -> str:
    """Name the hardware; only the vendor's root shows that there is any."""
    said = name if facts["hardware"] else f"software in place of {name}"
    return f"{said}{kind}, vouched for by `{facts['root_name']}`"


def _standing(facts: dict[str, Any]) -> str:
    status, date = facts["tcb_status"], facts["tcb_date"]
    return str(status) if date is None else f"{status}, TCB date {date[:10]}"


def _warnings(facts: dict[str, Any], reasons: frozenset[str]) -> Iterator[str]:
    """Give what is dangerous although no reason of the policy says so."""
    if facts.get("debug") and not reasons & DEBUG:
        yield "debugging is on: whoever runs it can read its memory"
    if facts.get("hardware") is False:
        yield "the root is not the vendor's: a software platform protects nothing"
    if facts.get("revocation_checked") is False and NO_REVOCATION_LIST not in reasons:
        yield "no revocation list was given, so nobody knows whether the chain was revoked"
