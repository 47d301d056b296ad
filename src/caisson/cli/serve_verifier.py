"""`caisson serve-verifier`: verification as a service."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from caisson.addresses import authority
from caisson.cli.files import read_bytes
from caisson.cli.log import log_to_stderr
from caisson.cli.output import say
from caisson.cli.policies import read_policy
from caisson.cli.sources import (
    CollateralSource,
    PcsAddress,
    cache_option,
    named_pcks,
    pcks_option,
    pcs_options,
    stale_option,
)
from caisson.errors import Malformed, UsageError
from caisson.evidence import AnyPolicy, EarSigner
from caisson.evidence.rego import WorkerEngine, require_conformance
from caisson.keyserver import listen
from caisson.verifier import Gate, Verifier, serve

_EPILOG = """\b
Example:
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out verifier.pem
  caisson serve-verifier --key verifier.pem --policy redis.policy.toml --pcs http://127.0.0.1:8081
"""


@click.command(epilog=_EPILOG)
@click.option("--listen", "address", metavar="HOST:PORT", default="127.0.0.1:8800", show_default=True, help="Where.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Key that signs results, PEM, P-256.  [default: one that lives as long as the server]",
)
@click.option(
    "--policy",
    "policy_files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A policy; its name is the file's, up to the first dot. May be repeated.",
)
@click.option(
    "--rego",
    "rego_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A Rego module that may refuse what a policy accepts: `data.caisson.allow` must be true.",
)
@pcs_options(default=None)
@pcks_option
@cache_option
@stale_option
@click.option("--lifetime", type=click.IntRange(1), default=300, show_default=True, help="Seconds a result is valid.")
@click.option("--at-once", type=click.IntRange(1), default=8, show_default=True, help="Most verifications at a time.")
@click.option("--per-second", type=click.IntRange(1), default=500, show_default=True, help="Most in a second.")
def command(  # noqa: PLR0913 - one parameter for each option
    *,
    address: str,
    key_file: Path | None,
    policy_files: tuple[Path, ...],
    rego_file: Path | None,
    pcs: PcsAddress | None,
    pcks_per_minute: int,
    collateral_cache: Path | None,
    stale_if_error: bool,
    lifetime: int,
    at_once: int,
    per_second: int,
) -> None:
    """Verify evidence for others over HTTP, and sign the results.

    Results are EAR tokens (JWT, ES256); their keys are at /.well-known/jwks.json, the API's description at
    /v1/openapi.json. Without --pcs whoever asks sends the collateral along.
    """
    log_to_stderr()
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    if key_file is None:
        say("warning: the key that signs results ends with this server", style="bold yellow")
    signer = EarSigner.generate() if key_file is None else EarSigner.load(read_bytes(key_file))
    source = CollateralSource(file=None, pcs=pcs, cache=collateral_cache, stale_if_error=stale_if_error)
    policies = _policies(policy_files)
    with contextlib.ExitStack() as stack:
        client = None if pcs is None else stack.enter_context(pcs.client())
        verifier = Verifier(
            policies=policies,
            signer=signer,
            fetch=None if client is None else lambda kind, roots, at: source.of_kind(client, kind, roots=roots, at=at),
            pcks=named_pcks(client, pcks_per_minute),
            second=None if rego_file is None else stack.enter_context(_rego(rego_file)),
            lifetime=timedelta(seconds=lifetime),
            clock=lambda: datetime.now(UTC),
        )
        listener = listen(address)
        host, port = listener.getsockname()[:2]
        gate = Gate(at_once=at_once, per_second=per_second, clock=time.monotonic)
        serve(verifier, gate, listener=listener, ready=lambda: click.echo(f"ready http://{authority(host, port)}"))
    say("stopped")


@contextlib.contextmanager
def _rego(path: Path) -> Iterator[Callable[[dict[str, Any]], bool]]:
    """Start the engine, refuse one that is not fit for use, and give the question that it answers."""
    try:
        policy = read_bytes(path).decode()
    except UnicodeDecodeError as cause:
        raise Malformed(f"`{path}` is not text in UTF-8") from cause
    with WorkerEngine() as engine:
        require_conformance(engine)
        yield lambda claims: engine.allows(policy, claims)


def _policies(files: tuple[Path, ...]) -> dict[str, AnyPolicy]:
    policies: dict[str, AnyPolicy] = {}
    for file in files:
        name = file.name.partition(".")[0]
        if name in policies:
            raise UsageError(f"two policies have the name `{name}`", hint="rename one of the files")
        policies[name] = read_policy(file)
    return policies
