"""Ports and volumes on the command line."""

import re
from ipaddress import ip_address

import click

from caisson.addresses import unbracketed
from caisson.cli.address import MAX_PORT
from caisson.cli.output import say
from caisson.deploy import Deployment, Publish, Volume

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
        address, host, container = found[1], int(found[2] or 0), int(found[3])
        try:
            address = address and str(ip_address(unbracketed(address)))
        except ValueError:
            self.fail(f"`{address}` is no IP address", param, ctx)
        if not 0 < container <= MAX_PORT or host > MAX_PORT:
            self.fail(f"`{value}` has a port that does not exist", param, ctx)
        return Publish(container_port=container, host_port=host, host_address=address)


class VolumeType(click.ParamType[Volume]):
    """`NAME:PATH`; a path of the host is not taken."""

    name = "NAME:PATH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Volume:
        """Read one."""
        found = _VOLUME.fullmatch(str(value))
        if found is None:
            self.fail(f"`{value}` is not {self.name}", param, ctx)
        return Volume(path=found[2], name=found[1])


publish_option = click.option(
    "--publish", "-p", type=PublishType(), multiple=True, help="Offer a port on the host; may be repeated."
)
volume_option = click.option(
    "--volume", "-v", "volumes", type=VolumeType(), multiple=True, help="Named volume; may be repeated."
)


def warn_of_undeclared_ports(deployment: Deployment) -> None:
    """Say which ports are offered that the image does not declare: engines take them, and they are seldom meant."""
    declared = deployment.image.ports
    for port in sorted({port.container_port for port in deployment.publish} - set(declared)):
        say(
            f"warning: the image does not declare port {port}, so there may be nothing behind what you publish;"
            f" it declares: {', '.join(map(str, declared)) or 'none'}",
            style="bold",
        )
