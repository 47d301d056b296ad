"""Times on the command line."""

from datetime import UTC, datetime
from typing import Any

import click


class Moment(click.ParamType[datetime]):
    """A time as RFC 3339 has it, with its offset from UTC."""

    name = "RFC3339"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read one."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(f"`{value}` is not a time such as 2026-11-23T12:00:00Z", param, ctx)
        return moment.astimezone(UTC)


at_option = click.option("--at", type=Moment(), help="When it has to hold.  [default: now]")
