"""`caisson logs`: what a confidential container has written."""

import sys
from datetime import datetime

import click

from caisson.cli.confidential import named, state_of
from caisson.cli.moment import since_option
from caisson.engine import STDERR, Docker


@click.command()
@click.argument("name")
@click.option("--follow", "-f", is_flag=True, help="Go on until the container ends.")
@since_option
@click.option("--tail", "-n", type=click.IntRange(min=0), metavar="LINES", help="Only the last lines.")
def command(*, name: str, follow: bool, since: datetime | None, tail: int | None) -> None:
    """Print what container NAME has written, its standard output and its standard error each to their own.

    The engine keeps it in plain text: what a program writes there leaves the enclave, and whoever runs the machine can
    read it, change it and leave it out.

    \b
    Example:
      caisson logs redis --since 10m --follow
    """
    with Docker() as docker:
        container = named(docker, name)
        terminal = state_of(docker, container).terminal
        begin = None if since is None else since.timestamp()
        for piece in docker.output(container.name, follow=follow, since=begin, tail=tail, terminal=terminal):
            stream = sys.stderr if piece.stream == STDERR else sys.stdout
            stream.buffer.write(piece.text)
            stream.flush()
