"""Addresses on the command line."""

from typing import Any

import click

from caisson.addresses import unbracketed

MAX_PORT = 0xFFFF


def split(address: str) -> tuple[str, int]:
    """Take HOST:PORT apart; an IPv6 host stands in brackets."""
    host, _, port = address.rpartition(":")
    return unbracketed(host), int(port)


class Address(click.ParamType[tuple[str, int]]):
    """HOST:PORT; an IPv6 host stands in brackets."""

    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Read one."""
        host, colon, port = str(value).rpartition(":")
        is_port = port.isascii() and port.isdigit() and len(port) <= len(str(MAX_PORT)) and int(port) <= MAX_PORT
        if not colon or not host or not is_port:
            self.fail(f"`{value}` is not HOST:PORT", param, ctx)
        return split(str(value))
