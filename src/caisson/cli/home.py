"""Where the command line keeps what it makes for one person on one machine."""

import fcntl
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from caisson.cli.service import Service
from caisson.errors import UsageError


@dataclass(frozen=True, slots=True)
class Home:
    """A directory that only its owner can read: keys, states of local services, built root file systems."""

    path: Path

    def __post_init__(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as cause:
            raise UsageError(
                f"cannot make the directory `{self.path}`: {cause.strerror}", hint="name another with `--home`"
            ) from cause

    @property
    def option(self) -> str:
        """What a command has to add to find this home, behind a space; nothing if it is the usual one."""
        return "" if self.path == _usual() else f" --home {shlex.quote(str(self.path))}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from changing the home; waits until they are done."""
        with (self.path / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def signing_key(self) -> Path:
        """The key that signs enclaves built here."""
        return self.path / "signing-key.pem"

    @property
    def cache(self) -> Path:
        """What can be made again."""
        return self.path / "cache"

    @property
    def runtimes(self) -> Path:
        """Runtime bundles, by their content."""
        return self.path / "runtimes"

    @property
    def platform_state(self) -> Path:
        """The software platform's keys."""
        return self.path / "platform"

    @property
    def platform_socket(self) -> Path:
        """Where the software platform listens."""
        return self.path / "platform.sock"

    @property
    def server_state(self) -> Path:
        """The key server's database."""
        return self.path / "keyserver"

    @property
    def unseal_key(self) -> Path:
        """What opens the key server's database; kept beside it here, for local use only."""
        return self.path / "keyserver-unseal.key"

    @property
    def operator_token(self) -> Path:
        """The local operator's token for the key server."""
        return self.path / "operator.token"

    @property
    def server_ca(self) -> Path:
        """The certificate authority of the local key server, PEM."""
        return self.path / "keyserver-ca.pem"

    @property
    def platform(self) -> Service:
        """The software platform as a background service."""
        return Service(name="platform", directory=self.path)

    @property
    def server(self) -> Service:
        """The key server as a background service."""
        return Service(name="keyserver", directory=self.path)


def _usual() -> Path:
    return Path(os.environ.get("CAISSON_HOME") or Path.home() / ".local/share/caisson")


_OPTION: dict[str, Any] = {
    "type": click.Path(file_okay=False, path_type=Path),
    "envvar": "CAISSON_HOME",
    "default": _usual,
    "show_default": "~/.local/share/caisson",
    "help": "Directory of local keys and services.",
}

home_option = click.option("--home", **_OPTION, callback=lambda _ctx, _param, value: Home(value))
home_path_option = click.option("--home", **_OPTION)  # for commands that make nothing there
