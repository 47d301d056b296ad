"""`caisson evidence verify`: is it genuine, and is it what a policy accepts?"""

from datetime import UTC, datetime
from pathlib import Path

import click

from caisson.cli.files import named, read_bytes
from caisson.cli.moment import at_option
from caisson.cli.output import emit, json_option
from caisson.cli.policies import asked_policy
from caisson.cli.roots import ROOT_FORMS, roots_or_vendors
from caisson.cli.sources import CollateralSource, PcsAddress, pcs_options
from caisson.cli.verdict import require_acceptable, verdict_data, verdict_words
from caisson.errors import Rejected, UsageError
from caisson.evidence import (
    EVIDENCE_FORMS,
    AttestationResult,
    Collateral,
    Evidence,
    EvidenceForm,
    Question,
    RootKey,
    examine,
)
from caisson.evidence.snp import SnpCollateral

_file = click.Path(dir_okay=False, path_type=Path)
_SNP_PLACES = "give the `--collateral DIR` that `caisson collateral fetch` wrote, or `--vcek` and `--chain`"


@click.command(
    epilog="\b\nExample:\n  caisson evidence verify quote.bin --collateral collateral.json "
    "--at 2026-11-23T12:00:00Z \\\n    --policy redis.policy.toml"
)
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option("--policy", "policy_file", type=_file, help="What is acceptable.")
@click.option("--genuine-only", is_flag=True, help="Ask no policy, only whether it is genuine.")
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="ROOT",
    help=f"With --genuine-only, whose word counts: {ROOT_FORMS}",
)
@click.option(
    "--collateral",
    type=click.Path(path_type=Path),
    help="What `caisson collateral fetch` wrote: a file, or for an SNP report a directory.",
)
@pcs_options(default=None)
@click.option("--vcek", "--vlek", "vek", type=_file, help="Certificate of an SNP report's key, DER or PEM.")
@click.option(
    "--chain", "chains", type=_file, multiple=True, help="Its authority and root, DER or PEM; may be repeated."
)
@click.option("--crl", type=_file, help="AMD's revocation list, DER.")
@at_option
@json_option
def command(  # noqa: PLR0913 - one parameter for each option
    *,
    evidence: Path,
    policy_file: Path | None,
    genuine_only: bool,
    roots: tuple[str, ...],
    collateral: Path | None,
    pcs: PcsAddress | None,
    vek: Path | None,
    chains: tuple[Path, ...],
    crl: Path | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    """Verify EVIDENCE: a quote, an SNP report, a certificate that carries evidence, or activation evidence.

    Exits with 0 if it is genuine and the policy accepts it, with 1 if not, and with 3 if nobody could tell.
    """
    if (policy_file is None) != genuine_only:
        raise UsageError("somebody has to say what is acceptable", hint="give either `--policy` or `--genuine-only`")
    if roots and not genuine_only:
        raise UsageError("`--root` is for `--genuine-only`: a policy names its roots itself")
    policy = None if policy_file is None else asked_policy(policy_file)
    question = Question(policy=policy, roots=roots_or_vendors(roots), at=at or datetime.now(UTC))
    raw = read_bytes(evidence)
    try:
        with named(evidence, hint=EVIDENCE_FORMS):
            found = Evidence.recognise(raw)
        if found.form is EvidenceForm.SNP_REPORT:
            if pcs is not None:
                raise UsageError("`--pcs` is for quotes, and the evidence is an SNP report", hint=_SNP_PLACES)
            result = examine(found, _snp(collateral, vek, chains, crl), question)
        else:
            if vek is not None or chains or crl is not None:
                raise UsageError(
                    f"`--vcek`, `--chain` and `--crl` are for SNP reports, and `{evidence}` is none",
                    hint=EVIDENCE_FORMS,
                )
            source = CollateralSource(file=collateral, pcs=pcs, cache=None, stale_if_error=False)
            result = examine(found, _collateral(source, found, question.accepted_roots, question.at), question)
    except Rejected as error:
        # Evidence or collateral that cannot be read is a no like any other.
        result = AttestationResult.refused(error, policy=policy, at=question.at)
    emit(verdict_data(result), human=verdict_words(result), as_json=as_json)
    require_acceptable(result)


def _collateral(source: CollateralSource, evidence: Evidence, roots: frozenset[RootKey], at: datetime) -> Collateral:
    # What a file holds is looked at only if there is one: a quote that cannot be read needs none.
    return source.get(b"" if source.file is not None else evidence.quote, roots=roots, at=at)


def _snp(directory: Path | None, vek: Path | None, chains: tuple[Path, ...], crl: Path | None) -> SnpCollateral:
    if directory is not None:
        if vek is not None or chains or crl is not None:
            raise UsageError("an SNP report's collateral comes from one place", hint=_SNP_PLACES)
        return SnpCollateral.read(directory)
    if vek is None or not chains:
        raise UsageError("an SNP report needs the certificate of its key and the chain", hint=_SNP_PLACES)
    return SnpCollateral(
        vek=read_bytes(vek),
        chain=b"".join(read_bytes(path) for path in chains),
        crl=None if crl is None else read_bytes(crl),
    )
