"""`caisson attest`: what runs at the other end of a TLS connection, and who says so."""

from datetime import UTC, datetime
from pathlib import Path

import click

from caisson.addresses import authority
from caisson.cli.address import Address
from caisson.cli.output import emit, json_option
from caisson.cli.peer import peer_evidence
from caisson.cli.policies import asked_policy
from caisson.cli.sources import CollateralSource, collateral_options
from caisson.cli.starttls import StartTls
from caisson.cli.verdict import require_acceptable, verdict_data, verdict_words
from caisson.errors import Rejected, UsageError
from caisson.evidence import AttestationResult, Question, SnpPolicy, examine

_AUTO = "auto"


@click.command()
@click.argument("address", type=Address())
@click.option(
    "--policy",
    "policy_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="What is acceptable.",
)
@click.option(
    "--starttls",
    type=click.Choice([_AUTO, *(kind.value for kind in StartTls)]),
    default=_AUTO,
    show_default=True,
    help="How to ask for TLS; by itself, as is usual on the port.",
)
@collateral_options
@json_option
def command(
    *, address: tuple[str, int], policy_file: Path, starttls: str, source: CollateralSource, as_json: bool
) -> None:
    """Connect, verify the evidence in the server's certificate, and say what runs there.

    Exits with 0 if the policy accepts it, with 1 if not, and with 3 if nobody could tell.

    \b
    Example:
      caisson attest 127.0.0.1:6379 --policy redis.policy.toml --pcs http://127.0.0.1:8081/sgx/certification/v4/
    """
    policy = asked_policy(policy_file)
    if isinstance(policy, SnpPolicy):
        raise UsageError(
            "this policy is for SEV-SNP, and certificates carry quotes of enclaves and trust domains",
            hint="`caisson evidence verify` takes an SNP report from a file",
        )
    asking = StartTls.of_port(address[1]) if starttls == _AUTO else StartTls(starttls)
    at = datetime.now(UTC)
    try:
        evidence = peer_evidence(*address, asking)
        collateral = source.get(evidence.quote, roots=policy.roots, at=at)
        result = examine(evidence, collateral, Question(policy=policy, roots=policy.roots, at=at))
    except Rejected as error:
        # No evidence, or some that cannot be read, is a no like any other.
        result = AttestationResult.refused(error, policy=policy, at=at)
    emit(verdict_data(result), human=verdict_words(result, of=authority(*address)), as_json=as_json)
    require_acceptable(result)
