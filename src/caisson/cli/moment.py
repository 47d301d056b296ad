"""Times on the command line."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AGO = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Moment(click.ParamType[datetime]):
    """A time as RFC 3339 has it, with its offset from UTC; or a date, which stands for its first moment in UTC."""

    name = "RFC3339"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read one."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            moment = None
        if moment is not None and _DATE.fullmatch(str(value)):
            return moment.replace(tzinfo=UTC)
        if moment is not None and moment.tzinfo is None and ":" in str(value):
            self.fail(f"`{value}` names no time zone: `Z` at its end stands for UTC", param, ctx)
        if moment is None or moment.tzinfo is None:
            self.fail(f"`{value}` is not a time such as 2026-11-23T12:00:00Z, or a date", param, ctx)
        return moment.astimezone(UTC)


at_option = click.option("--at", type=Moment(), help="When it has to hold: a time, or a date.  [default: now]")


class Since(click.ParamType[datetime]):
    """A time as RFC 3339 has it, a date, or how long ago: `90s`, `10m`, `2h`, `1d`."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read one."""
        found = _AGO.fullmatch(str(value))
        if found is None:
            return Moment().convert(value, param, ctx)
        try:
            return datetime.now(UTC) - timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
        except OverflowError:
            self.fail(f"`{value}` ago there was no time yet", param, ctx)


since_option = click.option(
    "--since", type=Since(), help="Begin here: RFC 3339, a date, or how long ago (`10m`, `2h`)."
)
