"""`caisson platform`: the software SGX platform."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from cryptography.hazmat.primitives.serialization import Encoding

from caisson.addresses import authority
from caisson.cli.address import Address
from caisson.cli.home import Home, home_option
from caisson.cli.output import emit, json_option, say
from caisson.enclave import construction_log, secs_attributes
from caisson.platform import (
    Loader,
    PcsServer,
    PlatformServer,
    Revocable,
    SoftwarePlatform,
    Standing,
    TcbStatus,
    open_state,
    pcs_application,
    read_state,
)

_F = TypeVar("_F", bound=Callable[..., Any])
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_MAX_MODE = 0o777


class _Mode(click.ParamType[int]):
    """Permission bits in octal."""

    name = "MODE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            mode = int(value, 8)
        except ValueError:
            mode = -1
        if not 0 <= mode <= _MAX_MODE:
            self.fail(f"`{value}` is not a mode in octal", param, ctx)
        return mode


_state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of the platform's keys.  [default: `platform` in the home directory]",
)


def _status_option(name: str, what: str) -> Callable[[_F], _F]:
    return click.option(
        name,
        type=click.Choice([status.value for status in TcbStatus]),
        metavar="STATUS",
        default=TcbStatus.UP_TO_DATE.value,
        show_default=True,
        help=f"{what}, as the collateral says it: {', '.join(TcbStatus)}.",
    )


@click.group(
    epilog="\b\nExample:\n  caisson platform serve --socket-mode 666\n  caisson platform root > platform-root.pem"
)
def command() -> None:
    """Run and inspect the software SGX platform, which protects nothing."""


@command.command(epilog="\b\nExample:\n  caisson platform serve --socket-mode 666 --pcs 127.0.0.1:8081")
@home_option
@_state_option
@click.option(
    "--socket", type=click.Path(path_type=Path), help="Unix socket for guests.  [default: in the home directory]"
)
@click.option("--socket-mode", type=_Mode(), default="600", show_default=True, help="Who may use the socket, in octal.")
@click.option("--tcp", type=Address(), help="Also offer the platform to guests on TCP.")
@click.option("--pcs", type=Address(), help="Also serve collateral: the PCS API v4 over HTTP.")
@_status_option("--tcb-status", "The machine's TCB status")
@click.option("--advisory", "advisories", multiple=True, metavar="ID", help="Advisory of that status; may be repeated.")
@_status_option("--qe-status", "The quoting enclave's TCB status")
@click.option(
    "--revoke",
    "revoked",
    type=click.Choice([what.value for what in Revocable]),
    multiple=True,
    help="Revoke a certificate; may be repeated.",
)
def serve(  # noqa: PLR0913 - one parameter for each option
    *,
    home: Home,
    state: Path | None,
    socket: Path | None,
    socket_mode: int,
    tcp: tuple[str, int] | None,
    pcs: tuple[str, int] | None,
    tcb_status: str,
    advisories: tuple[str, ...],
    qe_status: str,
    revoked: tuple[str, ...],
) -> None:
    """Offer the software platform until SIGTERM or SIGINT.

    Prints a line for each address, once all are ready. The machine in the state directory is made on first use and
    stays the same after a restart; its TCB status is whatever the options of this run say.
    """
    standing = Standing(
        tcb_status=TcbStatus(tcb_status),
        advisories=advisories,
        qe_status=TcbStatus(qe_status),
        revoked=frozenset(Revocable(what) for what in revoked),
    )
    path = socket or home.platform_socket
    with contextlib.ExitStack() as stack, _signals_blocked():
        now = datetime.now(UTC)
        secrets = stack.enter_context(open_state(state or home.platform_state, now=now))
        platform = SoftwarePlatform(secrets, standing)
        loader = Loader(construction_log=construction_log, secs_attributes=secs_attributes)
        server = stack.enter_context(PlatformServer(platform, loader))
        say("warning: this is a software platform: it protects nothing", style="bold yellow")
        server.listen_unix(path, mode=socket_mode)
        addresses = [f"unix:{path}"]
        if tcp is not None:
            addresses.append(f"tcp:{authority(tcp[0], server.listen_tcp(*tcp))}")
        if pcs is not None:
            application = pcs_application(platform, lambda: datetime.now(UTC))
            service = stack.enter_context(PcsServer(application, host=pcs[0], port=pcs[1]))
            addresses.append(f"http://{authority(pcs[0], service.port)}/sgx/certification/v4/")
        for address in addresses:
            click.echo(f"ready {address}")
        signal.sigwait(_SIGNALS)
    say("stopped")


@command.command(epilog="\b\nExample:\n  caisson platform root > platform-root.pem")
@home_option
@_state_option
def root(*, home: Home, state: Path | None) -> None:
    """Print the platform's root certificate, which a policy must name to trust it, as PEM."""
    certificate = read_state(state or home.platform_state).provisioning.root.certificate
    click.echo(certificate.public_bytes(Encoding.PEM), nl=False)


@command.command(epilog="\b\nExample:\n  caisson platform show --json")
@home_option
@_state_option
@json_option
def show(*, home: Home, state: Path | None, as_json: bool) -> None:
    """Say which machine the platform is."""
    platform = SoftwarePlatform(read_state(state or home.platform_state))
    machine = platform.provisioning.machine
    qe = platform.quoting_enclave
    machine_data: dict[str, str | int] = {
        "fmspc": machine.fmspc.hex(),
        "ppid": machine.ppid.hex(),
        "pce_id": machine.pce_id.hex(),
        "cpu_svn": str(machine.cpu_svn),
        "pce_svn": machine.pce_svn,
        "pck_ca": machine.ca.value,
    }
    qe_data: dict[str, str | int] = {
        "id": qe.qe_id.hex(),
        "mrenclave": str(qe.identity.mr_enclave),
        "mrsigner": str(qe.identity.mr_signer),
        "isvprodid": qe.identity.isv_prod_id,
        "isvsvn": qe.identity.isv_svn,
    }
    rows = {**machine_data, **{f"qe_{name}": value for name, value in qe_data.items()}, "protects": "nothing"}
    emit(
        {**machine_data, "qe": qe_data, "protects": "nothing"},
        human="\n".join(f"{name:<13} {value}" for name, value in rows.items()),
        as_json=as_json,
    )


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Keep the signals that end the service pending, in all threads, until it asks for them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
