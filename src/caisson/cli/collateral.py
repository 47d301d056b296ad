"""`caisson collateral`: what a vendor says about its platforms, fetched, shown and checked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from caisson.cli.files import ELSEWHERE, PUBLIC, force_option, named, read_bytes, write_new
from caisson.cli.moment import at_option
from caisson.cli.output import emit, json_option
from caisson.cli.roots import roots_option, roots_or_vendors
from caisson.cli.sources import PcsAddress, pcs_options, read_collateral
from caisson.errors import UsageError
from caisson.evidence import (
    EVIDENCE_FORMS,
    INTEL_PCS,
    Collateral,
    Evidence,
    EvidenceForm,
    check_collateral,
    statements_of,
    web_client,
)
from caisson.evidence.snp import AMD_KDS, KdsClient, SnpCollateral, check_snp_collateral
from caisson.snp import Product

_file = click.argument("path", metavar="PATH", type=click.Path(exists=True, path_type=Path))


@click.group(epilog="\b\nExample:\n  caisson collateral fetch quote.bin --output collateral.json")
def command() -> None:
    """Fetch, show and check collateral: what verifying a quote or an SNP report needs beside it."""


@command.command(
    epilog="\b\nExample:\n  caisson collateral fetch quote.bin --pcs https://pccs.example:8081 --pcs-ca pccs.pem "
    "-o collateral.json"
)
@click.argument("evidence", type=click.Path(path_type=Path))
@pcs_options(default=INTEL_PCS)
@click.option("--kds", metavar="URL", default=AMD_KDS, show_default=True, help="AMD's key distribution service.")
@click.option("--kds-ca", type=click.Path(dir_okay=False, path_type=Path), help="As `--pcs-ca`, for `--kds`.")
@click.option(
    "--product", type=click.Choice([each.value for each in Product]), help="AMD product, if the report does not say."
)
@click.option("--vlek", type=click.Path(dir_okay=False, path_type=Path), help="The VLEK's certificate, DER.")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="File; for SNP a directory.")
@force_option
@json_option
def fetch(  # noqa: PLR0913 - one parameter for each option
    *,
    evidence: Path,
    pcs: PcsAddress,
    kds: str,
    kds_ca: Path | None,
    product: str | None,
    vlek: Path | None,
    output: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Fetch the collateral for EVIDENCE: a quote, a certificate that carries one, or an SNP report.

    It is not checked: `caisson collateral verify` does, and so does everything that uses it.
    """
    with named(evidence, hint=EVIDENCE_FORMS):
        found = Evidence.recognise(read_bytes(evidence))
    if found.form is not EvidenceForm.SNP_REPORT:
        write_new(output, pcs.fetch(found.quote).encode(), mode=PUBLIC, force=force)
        emit({"collateral": str(output)}, human=str(output), as_json=as_json)
        return
    with web_client(ca=kds_ca) as client:
        collateral = KdsClient(kds, client).collateral(
            found.raw,
            product=None if product is None else Product(product),
            vlek=None if vlek is None else read_bytes(vlek),
        )
    try:
        output.mkdir(exist_ok=True)
    except OSError as cause:
        raise UsageError(f"cannot make the directory `{output}`: {cause.strerror}", hint=ELSEWHERE) from cause
    for name, content in collateral.files().items():
        write_new(output / name, content, mode=PUBLIC, force=force)
    names = [str(output / name) for name in collateral.files()]
    emit({"collateral": names}, human="\n".join(names), as_json=as_json)


@command.command(epilog="\b\nExample:\n  caisson collateral show collateral.json")
@_file
@json_option
def show(*, path: Path, as_json: bool) -> None:
    """Show what a quote's collateral in PATH says. Nothing of it is checked: `caisson collateral verify` does that."""
    collateral = read_collateral(path)
    with named(path):
        data = _shown(collateral)
    width = max(map(len, data))
    lines = ["not verified:", *(f"  {name:<{width}}  {value}" for name, value in data.items())]
    emit({"verified": False, **data}, human="\n".join(lines), as_json=as_json)


@command.command(epilog="\b\nExample:\n  caisson collateral verify collateral.json --at 2026-11-23T12:00:00Z")
@_file
@roots_option
@at_option
@json_option
def verify(*, path: Path, roots: tuple[str, ...], at: datetime | None, as_json: bool) -> None:
    """Check signatures, chains, revocation lists and dates of the collateral in PATH.

    PATH is a file, or for SNP collateral a directory.
    """
    at = at or datetime.now(UTC)
    accepted = roots_or_vendors(roots)
    if path.is_dir():
        snp = check_snp_collateral(SnpCollateral.read(path), roots=accepted, at=at)
        data: dict[str, Any] = {
            "root": str(snp.root),
            "product": snp.vek.product.value,
            "revocation_checked": snp.revocation_checked,
        }
        ends = snp.validities.ends
    else:
        checked = check_collateral(read_collateral(path), roots=accepted, at=at)
        data = {
            "root": str(checked.root),
            "fmspc": str(checked.trusted.tcb_info.fmspc),
            "tcb_evaluation_data_number": checked.trusted.tcb_info.evaluation_data_number,
        }
        ends = checked.validities.ends
    data |= {"at": at.isoformat(), "expires": ends.isoformat()}
    human = f"it holds under the root {data['root']} until {ends.isoformat()}"
    emit({"verified": True, **data}, human=human, as_json=as_json)


def _shown(collateral: Collateral) -> dict[str, Any]:
    said = statements_of(collateral)
    tcb, qe = said.tcb_info, said.qe_identity
    root, pck = collateral.revocation_lists
    return {
        "tee": tcb.identity,
        "fmspc": said.fmspc,
        "tcb_evaluation_data_number": tcb.evaluation_data_number,
        "tcb_levels": tcb.levels,
        "tcb_info_issued": tcb.issued.isoformat(),
        "tcb_info_next": tcb.next_update.isoformat(),
        "qe_identity": qe.identity,
        "qe_identity_issued": qe.issued.isoformat(),
        "qe_identity_next": qe.next_update.isoformat(),
        "root_crl_revokes": len(root.revoked),
        "pck_crl_revokes": len(pck.revoked),
        "expires": collateral.next_update.isoformat(),
    }
