"""`caisson copy`: an image from place to place."""

import tempfile
from pathlib import Path

import click

from caisson import oci
from caisson.cli.files import force_option
from caisson.cli.output import emit, json_option
from caisson.cli.registry import registry_options

_EPILOG = """\b
Examples:
  caisson copy oci:out:app docker://registry.example.org/team/app:1.0
  caisson copy --one-platform docker://docker.io/library/redis:7 docker-archive:redis.tar:redis:7
"""


@click.command(epilog=_EPILOG)
@click.argument("source")
@click.argument("destination")
@click.option("--one-platform", is_flag=True, help="Copy only the image for linux/amd64, and nothing attached to it.")
@force_option
@registry_options
@json_option
def command(
    *, source: str, destination: str, one_platform: bool, force: bool, access: oci.Access, as_json: bool
) -> None:
    """Copy the image SOURCE to DESTINATION.

    Between registries, OCI layouts and their archives it is byte for byte: for all platforms, with what is attached
    to it. Docker's engine and archives hold one platform, in a form of their own, and nothing attached.
    """
    origin, new = oci.Reference.parse(source), oci.Reference.parse(destination)
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        copied = oci.copy(origin, new, access, scratch=Path(directory), overwrite=force, whole=not one_platform)
    data = {
        "source": str(origin),
        "destination": str(new),
        "digest": str(copied.digest),
        "attached": copied.attached,
    }
    attached = f", and {copied.attached} attached" if copied.attached else ""
    emit(data, human=f"{new}\n{copied.digest}{attached}", as_json=as_json)
