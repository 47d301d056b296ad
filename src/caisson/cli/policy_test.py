"""`caisson policy test`: a policy, and stored evidence of which somebody has said what the policy shall say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from caisson.cli.files import named, read_bytes
from caisson.cli.output import emit, json_option
from caisson.cli.policies import read_policy
from caisson.cli.sources import read_collateral
from caisson.errors import Malformed, Rejected, UsageError
from caisson.evidence import (
    AnyPolicy,
    AttestationResult,
    Case,
    Collateral,
    Evidence,
    EvidenceForm,
    Expected,
    PolicyCases,
    Question,
    examine,
)
from caisson.evidence.snp import SnpCollateral

_ENDINGS = (".cases.toml", ".cases.json")


@click.command(epilog="\b\nExample:\n  caisson policy test redis.cases.toml")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def command(*, files: tuple[Path, ...], as_json: bool) -> None:
    """Appraise the stored evidence of the cases in FILES, and compare with what is expected.

    A directory stands for all files in it that end in `.cases.toml` or `.cases.json`. Each file names a policy and
    cases; other files are found relative to it. Evidence is appraised as of the time that its case gives, so that the
    outcome does not change with the clock. Exits with 1 if any case ends otherwise.
    """
    outcomes = [outcome for file in _expanded(files) for outcome in _outcomes(file)]
    failed = sum(not outcome["passed"] for outcome in outcomes)
    lines = [line for outcome in outcomes for line in _lines(outcome)]
    lines += ["", f"{len(outcomes)} case{'' if len(outcomes) == 1 else 's'}, {failed or 'none'} failed"]
    emit({"passed": not failed, "cases": outcomes}, human="\n".join(lines), as_json=as_json)
    if failed:
        raise Rejected(f"{failed} of {len(outcomes)} cases did not end as expected")


def _expanded(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(file for ending in _ENDINGS for file in path.glob(f"*{ending}"))
        if not found:
            raise UsageError(
                f"`{path}` has no files that end in {' or '.join(f'`{ending}`' for ending in _ENDINGS)}",
                hint="name one, or their directory",
            )
        yield from found


def _outcomes(file: Path) -> Iterator[dict[str, Any]]:
    with named(file):
        cases = PolicyCases.parse(read_bytes(file))
    policy = read_policy(file.parent / cases.policy)
    for case in cases.cases:
        try:
            result = _result(file.parent, case, policy)
        except UsageError as error:
            raise UsageError(f"`{file}`, case {case.name!r}: {error.message}", hint=error.hint) from error
        differences = case.differences(result)
        yield {
            "file": str(file),
            "name": case.name,
            "passed": not differences,
            "expected": case.expect.value,
            "found": Expected.of(result).value,
            "reasons": list(result.reasons),
            "differences": list(differences),
        }


def _result(directory: Path, case: Case, policy: AnyPolicy) -> AttestationResult:
    def read(name: str | None) -> bytes:
        return read_bytes(directory / (name or ""))

    question = Question(policy=policy, roots=policy.roots, at=case.at)
    raw = read(case.evidence)
    collateral: Collateral | SnpCollateral
    try:
        evidence = Evidence.recognise(raw)
        if case.collateral is not None:
            if evidence.form is EvidenceForm.SNP_REPORT:
                raise UsageError(
                    "an SNP report needs `vek` and `chain`", hint="docs/reference/policy.md describes cases"
                )
            collateral = read_collateral(directory / case.collateral)
        else:
            crl = None if case.crl is None else read(case.crl)
            collateral = SnpCollateral(vek=read(case.vek), chain=read(case.chain), crl=crl)
        return examine(evidence, collateral, question)
    except Malformed as error:
        # Evidence or collateral that cannot be read is a no like any other.
        return AttestationResult.refused(error, policy=policy, at=case.at)


def _lines(outcome: dict[str, Any]) -> Iterator[str]:
    yield f"{'ok' if outcome['passed'] else 'FAILED':<8}{outcome['name']}"
    yield from (f"          {difference}" for difference in outcome["differences"])
