"""`caisson evidence`: what evidence holds, and what it is worth."""

import click

from caisson.cli import evidence_inspect, evidence_token, evidence_verify

_EPILOG = """\b
Example:
  caisson evidence inspect quote.bin --bytes
  caisson evidence verify quote.bin --collateral collateral.json --genuine-only
"""


@click.group(epilog=_EPILOG)
def command() -> None:
    """Look into quotes, SNP reports, certificates and activation evidence, and verify them."""


command.add_command(evidence_inspect.command, "inspect")
command.add_command(evidence_token.command, "token")
command.add_command(evidence_verify.command, "verify")
