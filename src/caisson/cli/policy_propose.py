"""`caisson policy propose`: from evidence to the beginning of a policy."""

from datetime import UTC, datetime
from pathlib import Path

import click

from caisson.cli.files import force_option, named, read_bytes
from caisson.cli.moment import at_option
from caisson.cli.output import say
from caisson.cli.policies import output_option, write_policy
from caisson.cli.roots import roots_option, roots_or_vendors
from caisson.cli.sources import read_collateral
from caisson.errors import PolicyRejected
from caisson.evidence import (
    EVIDENCE_FORMS,
    AnyPolicy,
    Evidence,
    EvidenceForm,
    RootKey,
    VerifiedEvidence,
    appraise,
    propose,
    verify_intel_quote,
)
from caisson.evidence.snp import SnpCollateral, verify_snp


@click.command(
    epilog="\b\nExample:\n  caisson policy propose quote.bin --collateral collateral.json --output my.policy.toml"
)
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option(
    "--collateral",
    type=click.Path(path_type=Path),
    required=True,
    help="What `caisson collateral fetch` wrote: a file, or for an SNP report a directory.",
)
@roots_option
@at_option
@output_option
@force_option
def command(
    *,
    evidence: Path,
    collateral: Path,
    roots: tuple[str, ...],
    at: datetime | None,
    output: Path | None,
    force: bool,
) -> None:
    """Write a policy that accepts what EVIDENCE is, and is strict about all else.

    EVIDENCE is a quote, an SNP report or a certificate, and has to be genuine. Debugging, and whatever is out of date,
    is not accepted even if this evidence is so: that is said, and yours to change in what is written.
    """
    trusted = roots_or_vendors(roots)
    with named(evidence, hint=EVIDENCE_FORMS):
        found = Evidence.recognise(read_bytes(evidence))
    verified = _verified(found, collateral, trusted, at or datetime.now(UTC))
    policy = propose(verified)
    for reason in _refusals(verified, policy):
        say(f"warning: it refuses this evidence: {reason}", style="bold")
    write_policy(policy.encode(), output, force=force)


def _verified(found: Evidence, collateral: Path, roots: frozenset[RootKey], at: datetime) -> VerifiedEvidence:
    if found.form is EvidenceForm.SNP_REPORT:
        snp = SnpCollateral.read(collateral)
        return verify_snp(found.raw, snp.vek, snp.chain, crl=snp.crl, roots=roots, at=at)
    return verify_intel_quote(found.quote, read_collateral(collateral), roots=roots, at=at)


def _refusals(verified: VerifiedEvidence, policy: AnyPolicy) -> tuple[str, ...]:
    try:
        appraise(verified, policy)
    except PolicyRejected as error:
        return error.reasons
    return ()
