"""Hashes on the command line, in hexadecimal digits."""

from typing import Any, Generic, TypeVar

import click

from caisson.abi import FixedBytes
from caisson.errors import Malformed

_Value = TypeVar("_Value", bound=FixedBytes)
_SHOWN = 80


class Hexadecimal(click.ParamType[_Value], Generic[_Value]):
    """A byte string of a fixed length, such as an MRENCLAVE."""

    name = "HEX"

    def __init__(self, kind: type[_Value]) -> None:
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> _Value:
        """Read one."""
        if isinstance(value, self._kind):
            return value
        try:
            return self._kind.from_hex(str(value))
        except Malformed:
            self.fail(f"`{str(value)[:_SHOWN]}` is not {2 * self._kind.SIZE} hexadecimal digits", param, ctx)
