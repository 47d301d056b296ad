"""`caisson run`: start a confidential image on the Docker engine."""

import contextlib
import sys
from pathlib import Path

import click

from caisson.cli.address import MAX_PORT
from caisson.cli.home import Home, home_option
from caisson.cli.launch import Deployment, require_success
from caisson.cli.output import emit, json_option
from caisson.engine import Docker, Publish


class PublishType(click.ParamType[Publish]):
    """`[ADDRESS:]HOST_PORT:CONTAINER_PORT`, or just `CONTAINER_PORT`."""

    name = "[[ADDRESS:]PORT:]PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Publish:
        """Read one."""
        parts = str(value).rsplit(":", 2)
        numbers = [part for part in parts[-2:] if part.isascii() and part.isdigit() and int(part) <= MAX_PORT]
        if len(numbers) != min(len(parts), 2):
            self.fail(f"`{value}` is not {self.name}", param, ctx)
        return Publish(
            container_port=int(numbers[-1]),
            host_port=int(numbers[0]) if len(numbers) > 1 else 0,
            host_address=parts[0] if len(parts) > len(numbers) else "127.0.0.1",
        )


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
@click.option("--publish", "-p", type=PublishType(), multiple=True, help="Offer a port on the host; may be repeated.")
@click.option("--volume", "-v", "volumes", multiple=True, metavar="NAME:PATH", help="Named volume; may be repeated.")
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
    publish: tuple[Publish, ...],
    volumes: tuple[str, ...],
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
    deployment = Deployment(
        image=image,
        name=name,
        workload=workload,
        key_server=key_server,
        platform_socket=platform_socket or home.platform_socket,
        publish=publish,
        volumes={path: source for source, _, path in (volume.partition(":") for volume in volumes)},
    )
    with Docker() as docker:
        container = deployment.start(docker)
        if detach:
            emit({"container": container, "name": name}, human=name, as_json=as_json)
            return
        output = bytearray()
        try:
            for text in docker.follow(container):
                output += text
                sys.stderr.buffer.write(text)
                sys.stderr.flush()
            status = docker.wait(container, timeout=60)
        finally:
            with contextlib.suppress(KeyboardInterrupt):
                docker.remove(container)
    require_success(status, output.decode(errors="replace"))
