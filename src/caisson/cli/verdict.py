"""A verdict on evidence, to be read in ten seconds: what runs, who signed it, where, and what is wrong."""

from collections.abc import Iterator
from typing import Any

from caisson.evidence import AttestationResult


def verdict_words(result: AttestationResult) -> str:
    """Give the lines: the verdict first, then what was found, then everything that speaks against it."""
    facts = result.facts
    lines = [_verdict(result)]
    for name, value in (*_who(facts), *_platform(facts)):
        lines.append(f"  {name:<12}  {value}")
    if result.expires is not None:
        lines.append(f"  {'holds until':<12}  {result.expires:%Y-%m-%d %H:%M} UTC")
    lines += [f"  {'wrong':<12}  {reason}" for reason in result.reasons]
    lines += [f"  {'warning':<12}  {warning}" for warning in _warnings(facts)]
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
        **result.facts,
    }


def _verdict(result: AttestationResult) -> str:
    if not result.genuine:
        return "REFUSED: it is not shown to be genuine"
    if result.accepted is None:
        return "genuine; whether it is acceptable, no policy was asked"
    return "accepted: it is genuine, and what the policy asks for" if result.accepted else "REFUSED by the policy"


def _who(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "mrenclave" in facts:
        yield "what runs", f"MRENCLAVE {facts['mrenclave']}"
        yield (
            "signed by",
            f"MRSIGNER  {facts['mrsigner']}, product {facts['isv_prod_id']}, version {facts['isv_svn']}",
        )
    if "measurement" in facts:
        yield "what runs", f"measurement {facts['measurement']}"
    if "mrtd" in facts:
        yield "what runs", f"MRTD {facts['mrtd']}"
    if "workload" in facts:
        yield "provisioned", f"as workload `{facts['workload']}` by the key server {facts['key_server']}"


def _platform(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "tcb_status" in facts:
        since = "" if facts["tcb_date"] is None else f", at the level of {facts['tcb_date'][:10]}"
        yield "platform", f"{facts['tcb_status']}{since}, vouched for by `{facts['root_name']}`"
        if facts["advisory_ids"]:
            yield "advisories", ", ".join(facts["advisory_ids"])
    elif "product" in facts:
        yield "platform", f"AMD {facts['product']}, {facts['reported_tcb']}, vouched for by `{facts['root_name']}`"


def _warnings(facts: dict[str, Any]) -> Iterator[str]:
    if facts.get("debug"):
        yield "debugging is on: whoever runs it can read its memory"
    if facts.get("hardware") is False:
        yield "the root is not the vendor's: a software platform protects nothing"
    if facts.get("revocation_checked") is False:
        yield "no revocation list was given, so nobody knows whether the chain was revoked"
