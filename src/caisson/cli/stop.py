"""`caisson stop`: end confidential containers, and keep them."""

import click

from caisson.cli.confidential import state_of, together
from caisson.cli.output import emit, json_option
from caisson.engine import Docker, Listed

_KILLED = 128 + 9


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--grace", type=click.IntRange(0, 3600), default=10, show_default=True, help="Seconds until it is ended by force."
)
@json_option
def command(*, names: tuple[str, ...], grace: int, as_json: bool) -> None:
    """Stop confidential containers, and what is beside them: SIGTERM, and SIGKILL when the grace period is over.

    The containers, their output and their volumes stay; secrets that were in memory are gone, and come again only after
    attestation. `caisson rm` removes what was stopped, `caisson down` does both.

    \b
    Example:
      caisson stop redis --grace 30
    """
    with Docker() as docker:
        ends = {container.name: _stop(docker, container, grace) for container in together(docker, names)}
    human = "\n".join(f"{name} {_WORDS[how].format(grace=grace)}" for name, how in ends.items())
    emit({"stopped": ends}, human=human, as_json=as_json)


_WORDS = {
    "ended": "had ended already",
    "stopped": "is stopped",
    "killed": "did not end within {grace} s, and was killed",
}


def _stop(docker: Docker, container: Listed, grace: int) -> str:
    if not state_of(docker, container).running:
        return "ended"
    docker.stop(container.name, grace=grace)
    return "killed" if state_of(docker, container).exit_code == _KILLED else "stopped"
