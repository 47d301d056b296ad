"""`caisson attest`: what runs at the other end of a TLS connection, and who says so."""

from datetime import UTC, datetime
from pathlib import Path

import click

from caisson.cli.address import Address
from caisson.cli.output import emit, json_option
from caisson.cli.peer import authority, peer_certificate
from caisson.cli.policies import read_policy
from caisson.cli.sources import CollateralSource, collateral_options
from caisson.cli.starttls import StartTls
from caisson.errors import UsageError
from caisson.evidence import (
    Certificate,
    SnpPolicy,
    VerifiedActivation,
    VerifiedQuote,
    VerifiedRaTls,
    VerifiedTd,
    quote_of,
    verify_peer,
)

_AUTO = "auto"


@click.command()
@click.argument("address", type=Address())
@click.option(
    "--policy",
    "policy_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
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
    policy = read_policy(policy_file)
    if isinstance(policy, SnpPolicy):
        raise UsageError(
            "this policy is for SEV-SNP, and certificates carry quotes of enclaves and trust domains",
            hint="`caisson evidence verify` takes an SNP report from a file",
        )
    asking = StartTls.of_port(address[1]) if starttls == _AUTO else StartTls(starttls)
    certificate = peer_certificate(*address, asking)
    at = datetime.now(UTC)
    collateral = source.get(quote_of(certificate), roots=policy.roots, at=at)
    verified = verify_peer(certificate, collateral, policy, at=at)
    human = _words(authority(*address), verified, certificate)
    emit(_data(verified, certificate), human=human, as_json=as_json)


def _data(verified: VerifiedActivation | VerifiedRaTls, certificate: Certificate) -> dict[str, object]:
    quote, validity = verified.quote, certificate.validity
    return {
        **_binding(verified),
        **_quoted(quote),
        "debug": quote.debug,
        "root": str(quote.root),
        "root_name": quote.root_name,
        "hardware": quote.on_hardware,
        "tcb_status": quote.tcb.status.value,
        "advisory_ids": list(quote.tcb.advisories),
        "fmspc": str(quote.pck.fmspc),
        "expires": quote.expires.isoformat(),
        "certificate": {"begins": validity.begins.isoformat(), "ends": validity.ends.isoformat()},
    }


def _quoted(quote: VerifiedQuote | VerifiedTd) -> dict[str, object]:
    if isinstance(quote, VerifiedTd):
        return {"mrtd": str(quote.body.mr_td), "rtmrs": [str(register) for register in quote.body.rtmrs]}
    report = quote.report
    return {
        "mrenclave": str(report.mr_enclave),
        "mrsigner": str(report.mr_signer),
        "isv_prod_id": report.isv_prod_id,
        "isv_svn": report.isv_svn,
    }


def _binding(verified: VerifiedActivation | VerifiedRaTls) -> dict[str, object]:
    if isinstance(verified, VerifiedActivation):
        data = verified.runtime_data
        return {"evidence": "activation", "workload": data.workload, "key_server": str(data.server_key_hash)}
    return {"evidence": "ra-tls", "claims": None if verified.claims is None else list(verified.claims.others)}


def _words(address: str, verified: VerifiedActivation | VerifiedRaTls, certificate: Certificate) -> str:
    quote, validity = verified.quote, certificate.validity
    is_domain = isinstance(quote, VerifiedTd)
    if isinstance(verified, VerifiedActivation):
        who = f"workload `{verified.runtime_data.workload}`"
        provisioned = f"by the key server {verified.runtime_data.server_key_hash}"
    else:
        who, provisioned = (
            f"{'a trust domain' if is_domain else 'an enclave'} with RA-TLS",
            "by nobody whom this evidence names",
        )
    lines = [
        f"{address} is {who}, and the policy accepts it",
        *_measured(quote),
        f"  provisioned   {provisioned}",
        f"  platform      {quote.tcb.status}"
        + (f" ({', '.join(quote.tcb.advisories)})" if quote.tcb.advisories else "")
        + f", vouched for by `{quote.root_name}`",
        f"  certificate   from {validity.begins:%Y-%m-%d %H:%M} until {validity.ends:%Y-%m-%d %H:%M} UTC",
    ]
    if quote.debug:
        lines.append(
            f"  warning       a debug {'domain' if is_domain else 'enclave'}: whoever runs it can read its memory"
        )
    if not quote.on_hardware:
        lines.append("  warning       not Intel's hardware: a software platform protects nothing")
    return "\n".join(lines)


def _measured(quote: VerifiedQuote | VerifiedTd) -> list[str]:
    if isinstance(quote, VerifiedTd):
        registers = enumerate(quote.body.rtmrs)
        return [
            f"  what runs     MRTD  {quote.body.mr_td}",
            *(f"                RTMR{number} {register}" for number, register in registers),
        ]
    report = quote.report
    return [
        f"  what runs     MRENCLAVE {report.mr_enclave}",
        f"  signed by     MRSIGNER  {report.mr_signer}, product {report.isv_prod_id}, version {report.isv_svn}",
    ]
