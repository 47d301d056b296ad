"""`caisson run`: start a confidential image on the Docker engine."""

import contextlib
import re
import sys
from ipaddress import ip_address
from pathlib import Path

import click

from caisson.cli.address import MAX_PORT
from caisson.cli.home import Home, home_option
from caisson.cli.launch import Deployment, require_success
from caisson.cli.output import emit, json_option
from caisson.engine import Docker, Publish
from caisson.errors import UsageError

_MOST_KEPT = 64 * 1024  # of the output: what premain says comes first
_PUBLISH = re.compile(r"(?:(?:([0-9.]+|\[[0-9A-Fa-f:.]+\]):)?([0-9]{1,5}):)?([0-9]{1,5})")
_VOLUME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]+):(/[^:]*)")


class PublishType(click.ParamType[Publish]):
    """`[ADDRESS:]HOST_PORT:CONTAINER_PORT`, or just `CONTAINER_PORT`; an IPv6 address stands in brackets."""

    name = "[[ADDRESS:]PORT:]PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Publish:
        """Read one."""
        found = _PUBLISH.fullmatch(str(value))
        if found is None:
            self.fail(f"`{value}` is not {self.name}", param, ctx)
        address, host, container = found[1] or "127.0.0.1", int(found[2] or 0), int(found[3])
        try:
            address = str(ip_address(address.strip("[]")))
        except ValueError:
            self.fail(f"`{address}` is no IP address", param, ctx)
        if not 0 < container <= MAX_PORT or host > MAX_PORT:
            self.fail(f"`{value}` has a port that does not exist", param, ctx)
        return Publish(container_port=container, host_port=host, host_address=address)


class VolumeType(click.ParamType[tuple[str, str]]):
    """`NAME:PATH`; a path of the host is not taken."""

    name = "NAME:PATH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Read one."""
        found = _VOLUME.fullmatch(str(value))
        if found is None:
            self.fail(f"`{value}` is not {self.name}", param, ctx)
        return found[1], found[2]


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
@click.option("--volume", "-v", "volumes", type=VolumeType(), multiple=True, help="Named volume; may be repeated.")
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
    volumes: tuple[tuple[str, str], ...],
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
    if len({path for _, path in volumes}) != len(volumes):
        raise UsageError("two volumes are for the same path", hint="name one volume for each path")
    deployment = Deployment(
        image=image,
        name=name,
        workload=workload,
        key_server=key_server,
        platform_socket=platform_socket or home.platform_socket,
        publish=publish,
        volumes={path: volume for volume, path in volumes},
    )
    with Docker() as docker:
        container = deployment.start(docker)
        if detach:
            emit({"container": container, "name": name}, human=name, as_json=as_json)
            return
        output = bytearray()
        try:
            for text in docker.follow(container):
                output += text[: _MOST_KEPT - len(output)]
                sys.stderr.buffer.write(text)
                sys.stderr.flush()
            status = docker.wait(container, timeout=60)
        finally:
            with contextlib.suppress(KeyboardInterrupt):
                docker.remove(container)
    require_success(status, output.decode(errors="replace"))
