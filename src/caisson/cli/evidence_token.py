"""`caisson evidence token`: is this a result that a verifier signed, and what does it say?"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from caisson.cli.files import read_bytes
from caisson.cli.moment import at_option
from caisson.cli.output import emit, json_option
from caisson.errors import BindingRejected, Malformed, Rejected
from caisson.evidence import Tier, VerifiedEar, verify_ear


@click.command(epilog="\b\nExample:\n  caisson evidence token result.jwt --keys jwks.json --nonce fresh-0123456789")
@click.argument("token", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), required=True, help="The verifier's keys, a JWK set.")
@click.option("--nonce", help="What was sent to the verifier, and has to come back.")
@at_option
@json_option
def command(*, token: Path, keys: Path, nonce: str | None, at: datetime | None, as_json: bool) -> None:
    """Check an attestation result (EAR) in TOKEN against the keys of the verifier that you trust.

    Exits with 0 if it is signed, valid and affirming, and with 1 if not.
    """
    read = verify_ear(_text(token), _keys(keys), at=at or datetime.now(UTC))
    if nonce is not None and read.nonce != nonce:
        raise BindingRejected("token is for another nonce: it is an answer to another question")
    emit(_data(read), human=_words(read), as_json=as_json)
    if read.status is not Tier.AFFIRMING:
        raise Rejected(
            f"the verifier's result is `{read.status.name.lower()}`",
            hint="no policy was asked: name one in the question" if read.accepted is None else None,
        )


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("ascii").strip()
    except UnicodeDecodeError as cause:
        raise Malformed(f"`{path}` is not a token") from cause


def _keys(path: Path) -> dict[str, Any]:
    try:
        keys: dict[str, Any] = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as cause:
        raise Malformed(f"`{path}` is not a JWK set") from cause
    return keys


def _data(read: VerifiedEar) -> dict[str, Any]:
    return {
        "tee": read.tee,
        "status": read.status.name.lower(),
        "accepted": read.accepted,
        "reasons": list(read.reasons),
        "vector": read.vector,
        "policy_id": read.policy_id,
        "nonce": read.nonce,
        "issued": read.issued.isoformat(),
        "expires": read.expires.isoformat(),
        "facts": read.facts,
    }


def _words(read: VerifiedEar) -> str:
    lines = [f"{read.status.name.lower()}, for {read.tee}, until {read.expires.isoformat()}"]
    lines += [f"  {name}: {claim}" for name, claim in read.vector.items() if claim]
    lines += [f"  wrong: {reason}" for reason in read.reasons]
    return "\n".join(lines)
