"""How commands reach registries: what all that take an image share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from caisson import oci
from caisson.cli.progress import Bars


def registry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of registries, as `access`. Transfers are shown while it runs."""

    @click.option(
        "--tls-ca",
        envvar="CAISSON_TLS_CA",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Trust these certificate authorities, too, of registries (PEM).",
    )
    @click.option(
        "--auth-file",
        envvar="CAISSON_AUTH_FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Credentials for registries, like Docker's `config.json`.  [default: those of Docker or Podman]",
    )
    @click.option(
        "--insecure-plain-http",
        envvar="CAISSON_INSECURE_PLAIN_HTTP",
        is_flag=True,
        help="Let a registry that is not on this machine be reached without TLS.",
    )
    @functools.wraps(command)
    def wrapped(*, tls_ca: Path | None, auth_file: Path | None, insecure_plain_http: bool, **others: Any) -> Any:
        with Bars() as bars:
            access = oci.Access(
                tls_ca=tls_ca, auth_file=auth_file, insecure_plain_http=insecure_plain_http, progress=bars
            )
            return command(access=access, **others)

    return wrapped
