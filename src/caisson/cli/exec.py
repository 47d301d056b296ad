"""`caisson exec`: refused, and why."""

import click

from caisson.errors import UsageError


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("words", metavar="[COMMAND]...", nargs=-1, type=click.UNPROCESSED)
def command(*, name: str, words: tuple[str, ...]) -> None:
    """Say why nothing can be run inside confidential container NAME, and what to do instead. Exits with 2.

    An enclave runs the one program that was measured: whoever could add another would have its secrets, and no evidence
    would tell. What the engine's own `exec` starts is outside of the enclave, beside it on the host.

    \b
    Example:
      caisson exec redis sh
    """
    what = f"`{words[0]}` cannot" if words else "nothing can"
    raise UsageError(
        f"{what} be run inside `{name}`: its enclave runs the one program that was measured, and what the engine would "
        "start beside it is no part of it",
        hint=(
            f"read `caisson logs {name}`, ask it over its own port with the program's client, check it with `caisson "
            "attest HOST:PORT`; a tool that must be inside belongs into the recipe, and is measured with it"
        ),
    )
