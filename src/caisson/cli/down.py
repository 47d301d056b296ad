"""`caisson down`: stop what `caisson up` started."""

import click

from caisson.cli.confidential import remove, together
from caisson.cli.home import Home, home_option
from caisson.cli.local import Local
from caisson.cli.output import emit, json_option
from caisson.engine import Docker
from caisson.errors import UsageError


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@home_option
@click.option("--all", "everything", is_flag=True, help="Also stop the platform and the key server of this home.")
@click.option("--volumes", is_flag=True, help="Also remove the containers' volumes, and with them their data.")
@json_option
def command(*, names: tuple[str, ...], home: Home, everything: bool, volumes: bool, as_json: bool) -> None:
    """Stop and remove confidential containers, and what is beside them.

    Their data stays in volumes, keys and secrets on the key server.

    \b
    Example:
      caisson down redis --all
    """
    if not names and not everything:
        raise UsageError("nothing is named to be stopped", hint="give a name, or `--all`")
    stopped: list[str] = []
    try:
        if names:
            with Docker() as docker:
                stopped.extend(_stop(docker, names, volumes=volumes, ignore_unknown=everything))
    finally:  # also if the engine is gone
        if everything:
            stopped.extend(Local.stop(home))
    human = "\n".join(f"stopped {name}" for name in stopped) or "nothing ran"
    emit({"stopped": stopped}, human=human, as_json=as_json)


def _stop(docker: Docker, names: tuple[str, ...], *, volumes: bool, ignore_unknown: bool) -> list[str]:
    """Stop and remove containers, and what is beside them: all of them, or none if one is unknown."""
    found = together(docker, names, ignore_unknown=ignore_unknown)
    for container in found:
        docker.stop(container.name)
    remove(docker, found, force=True, volumes=volumes)
    return [container.name for container in found]
