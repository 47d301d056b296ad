"""How commands reach a key server: by options, by variables, or the one that `caisson up` started."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caisson.cli.files import READABLE
from caisson.cli.home import Home, home_option
from caisson.errors import UsageError

if TYPE_CHECKING:
    from caisson.keyserver import KeyServerClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where a key server is and who asks; what was not said is the home's."""

    home: Home
    server: str | None
    token_file: Path | None
    ca: Path | None

    def client(self) -> "KeyServerClient":
        """Connect.

        Raises:
            UsageError: nobody said which server, or a file cannot be read.
        """
        # Its database and web server take longer to import than most commands take that may do without it.
        from caisson.keyserver import KeyServerClient, Secret, read_private  # noqa: PLC0415

        server = self.server or self._local()
        token = read_private(self.token_file or self.home.operator_token, what="operator's token").reveal().strip()
        return KeyServerClient.connect(server, ca=read_text(self.ca or self.home.server_ca), token=Secret(token))

    @property
    def known(self) -> bool:
        """Whether somebody said which server, or one of the home's runs."""
        return self.server is not None or self.home.server.running()

    def _local(self) -> str:
        if self.home.server.running() and (addresses := self.home.server.addresses()):
            return addresses[0]
        raise UsageError(
            "no key server was named, and none runs here",
            hint="give `--server`, `--token-file` and `--ca`, or start one with `caisson up`",
        )


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a key server's operator, as `connection`."""

    @home_option
    @click.option(
        "--server",
        envvar="CAISSON_KEY_SERVER",
        metavar="URL",
        help="The key server.  [default: the one of `caisson up`]",
    )
    @click.option(
        "--token-file",
        envvar="CAISSON_KEY_SERVER_TOKEN_FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File with an operator's token.  [default: in the home directory]",
    )
    @click.option(
        "--ca",
        envvar="CAISSON_KEY_SERVER_CA",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The key server's CA certificate, PEM.  [default: in the home directory]",
    )
    @functools.wraps(command)
    def connected(*, home: Home, server: str | None, token_file: Path | None, ca: Path | None, **options: Any) -> None:
        command(connection=Connection(home=home, server=server, token_file=token_file, ca=ca), **options)

    return connected


def operator_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a key server's operator, and call it with a connected `client`."""

    @functools.wraps(command)
    def with_client(*, connection: Connection, **options: Any) -> None:
        with connection.client() as client:
            command(client=client, **options)

    return connection_options(with_client)


def read_text(path: Path) -> str:
    """Read a text file; `-` is standard input.

    Raises:
        UsageError: it cannot be read, or is no text.
    """
    try:
        with click.open_file(str(path), encoding="utf-8") as file:
            return str(file.read())
    except OSError as cause:
        raise UsageError(f"cannot read `{path}`: {cause.strerror}", hint=READABLE) from cause
    except UnicodeDecodeError:
        raise UsageError(f"`{path}` is not text in UTF-8", hint="is it the file that you meant?") from None


def moment(seconds: int) -> str:
    """Write Unix seconds for people, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
