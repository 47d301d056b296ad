"""`caisson evidence`: what evidence holds, and what it is worth."""

import click

from caisson.cli import evidence_inspect, evidence_token

_EPILOG = """\b
Example:
  caisson evidence inspect quote.bin --bytes
"""


@click.group(epilog=_EPILOG)
def command() -> None:
    """Look into quotes, SNP reports, certificates and activation evidence."""


command.add_command(evidence_inspect.command, "inspect")
command.add_command(evidence_token.command, "token")
