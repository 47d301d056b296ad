"""`caisson run`: start a confidential image on the Docker engine."""

import contextlib
import sys
from pathlib import Path

import click

from caisson.cli.address import Address
from caisson.cli.home import Home, home_option
from caisson.cli.launch import described, direct_warning, require_success, start
from caisson.cli.output import emit, json_option
from caisson.cli.published import publish_option, volume_option
from caisson.conversion.manifests import GRAMINE
from caisson.conversion.places import DIRECT_ENTRYPOINT
from caisson.deploy import Deployment, PlatformAddress, PlatformSocket, Publish, Volume
from caisson.engine import Docker

_MOST_KEPT = 64 * 1024  # of the output: what premain says comes first


@click.command()
@click.argument("image")
@home_option
@click.option("--name", required=True, help="Name of the container.")
@click.option("--key-server", required=True, metavar="URL", help="Key server, as the container reaches it.")
@click.option("--workload", help="Workload to activate as.  [default: the recipe's name]")
@click.option(
    "--platform-socket",
    type=click.Path(path_type=Path),
    help="Socket of the software platform.  [default: in the home]",
)
@click.option(
    "--platform-address",
    type=Address(),
    help="Software platform on TCP: starts images for Gramine as gramine-direct.",
)
@publish_option
@volume_option
@click.option("--detach", "-d", is_flag=True, help="Return as soon as it has started.")
@json_option
def command(  # noqa: PLR0913 - one parameter for each option
    *,
    image: str,
    home: Home,
    name: str,
    key_server: str,
    workload: str | None,
    platform_socket: Path | None,
    platform_address: tuple[str, int] | None,
    publish: tuple[Publish, ...],
    volumes: tuple[Volume, ...],
    detach: bool,
    as_json: bool,
) -> None:
    """Run a confidential image that the Docker engine holds, locked down.

    Read-only, without capabilities, with tmpfs where its secrets go. Without --detach its output is shown, and
    the command ends when the container does: with 1 if activation was refused or the program failed, with 3 if
    activation found nobody to decide.

    \b
    Example:
      caisson run caisson/redis --name redis --key-server https://172.17.0.1:8443 -p 6379:6379
    """
    evidence: PlatformSocket | PlatformAddress = PlatformSocket(
        path=str((platform_socket or home.platform_socket).absolute())
    )
    if platform_address is not None:
        evidence = PlatformAddress(host=platform_address[0], port=platform_address[1])
    with Docker() as docker:
        measured = described(docker, image)
        direct = platform_address is not None and measured.runtime == GRAMINE
        if direct:
            direct_warning()
        deployment = Deployment(
            image=measured,
            name=name,
            workload=workload,
            key_server=key_server,
            evidence=evidence,
            publish=publish,
            volumes=volumes,
            restart="no",
            direct=DIRECT_ENTRYPOINT if direct else (),
        )
        container = start(docker, deployment)
        if detach:
            emit({"container": container, "name": name}, human=name, as_json=as_json)
            return
        output = bytearray()
        try:
            for piece in docker.output(container, follow=True):
                output += piece.text[: _MOST_KEPT - len(output)]
                sys.stderr.buffer.write(piece.text)
                sys.stderr.flush()
            status = docker.wait(container, timeout=60)
        finally:
            with contextlib.suppress(KeyboardInterrupt):
                docker.remove(container)
    require_success(status, output.decode(errors="replace"))
