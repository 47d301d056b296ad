"""`caisson rm`: remove confidential containers."""

import click

from caisson.cli.confidential import remove, state_of, together
from caisson.cli.output import emit, json_option
from caisson.engine import Docker
from caisson.errors import UsageError


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Also those that run.")
@click.option("--volumes", is_flag=True, help="Also remove their volumes, and with them their data.")
@json_option
def command(*, names: tuple[str, ...], force: bool, volumes: bool, as_json: bool) -> None:
    """Remove confidential containers that have ended, what is beside them, and what all have written to their output.

    Their data stays in volumes, keys and secrets on the key server. If one of them runs, none is removed.

    \b
    Example:
      caisson rm redis --volumes
    """
    with Docker() as docker:
        found = together(docker, names)
        running = [one.name for one in found if not force and state_of(docker, one).status in _ALIVE]
        if running:
            raise UsageError(
                f"{', '.join(f'`{name}`' for name in running)} is not ended",
                hint=f"stop it with `caisson stop {' '.join(running)}`, or add `--force`",
            )
        remove(docker, found, force=force, volumes=volumes)
    removed = [container.name for container in found]
    emit({"removed": removed}, human="\n".join(f"removed {name}" for name in removed), as_json=as_json)


_ALIVE = frozenset({"running", "paused", "restarting"})
