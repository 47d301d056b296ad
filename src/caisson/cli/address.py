"""Addresses on the command line."""

from typing import Any

import click

MAX_PORT = 0xFFFF


class Address(click.ParamType[tuple[str, int]]):
    """HOST:PORT; an IPv6 host stands in brackets."""

    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Read one."""
        host, colon, port = str(value).rpartition(":")
        if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > MAX_PORT:
            self.fail(f"`{value}` is not HOST:PORT", param, ctx)
        return host.removeprefix("[").removesuffix("]"), int(port)
