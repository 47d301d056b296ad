"""`caisson keyserver`: the server that hands secrets to programs that proved what they are."""

import contextlib
import logging
import socket
from collections.abc import Iterator
from dataclasses import asdict
from ipaddress import ip_network
from pathlib import Path

import click
import httpx2

from caisson.addresses import authority, unbracketed
from caisson.cli.connection import moment, operator_options
from caisson.cli.files import SECRET, force_option, write_new
from caisson.cli.log import log_to_stderr
from caisson.cli.output import emit, json_option, say
from caisson.cli.sources import named_pcks, pcks_option, read_subscription, subscription_option
from caisson.cli.table import table
from caisson.errors import UsageError
from caisson.evidence import PcsClient
from caisson.keyserver import (
    MOST_UNUSED,
    Activations,
    Allowance,
    Collaterals,
    GivenTls,
    KeyServer,
    KeyServerClient,
    PublicFace,
    Secret,
    ServerTls,
    ensure_state,
    initialise_state,
    listen,
    memory_server,
    open_state,
    public_face,
    read_private,
    serve,
    subject_names,
)
from caisson.web import Network

_PCS_SECONDS = 10.0
_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - the addresses that no certificate can name

_FILE = click.Path(dir_okay=False, path_type=Path)

_state_option = click.option(
    "--state", required=True, type=click.Path(file_okay=False, path_type=Path), help="Directory of the database."
)
_trust_domain_option = click.option(
    "--trust-domain", default="caisson.local", show_default=True, help="SPIFFE trust domain of the certificates."
)
_unseal_option = click.option(
    "--unseal-key-file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the key that opens the database.",
)
_listen_option = click.option(
    "--listen", "address", default="127.0.0.1:8700", show_default=True, metavar="HOST:PORT", help="Where to listen."
)
_pcs_option = click.option(
    "--pcs", envvar="PCS_URL", required=True, metavar="URL", help="Where to fetch collateral (PCS API v4)."
)
_token_file_option = click.option(
    "--token-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the first token here, not to stdout."
)
_san_option = click.option(
    "--san", "names", multiple=True, metavar="NAME", help="Name or address for the certificate.  [default: HOST]"
)


@click.group(
    epilog="""\b
Example:
  caisson keyserver init --state keyserver --unseal-key-file unseal.key --token-file operator.token
  caisson keyserver serve --state keyserver --unseal-key-file unseal.key --pcs http://127.0.0.1:8081/sgx/certification/v4/"""
)
def command() -> None:
    """Create, run and ask a key server."""


@command.command(
    epilog="""\b
Example:
  caisson keyserver init --state keyserver --unseal-key-file unseal.key --token-file operator.token"""
)
@_state_option
@_unseal_option
@_token_file_option
@_trust_domain_option
@json_option
def init(*, state: Path, unseal_key_file: Path, token_file: Path | None, trust_domain: str, as_json: bool) -> None:
    """Make a new key server: database, identity, CA, and the unseal key, which must be kept elsewhere.

    The first operator's token is shown once. Who loses the unseal key loses all secrets.
    """
    if token_file is not None and token_file.exists():
        raise UsageError(f"`{token_file}` exists", hint="choose another file; nothing is overwritten")
    with _reserved(token_file, state):
        server, token = initialise_state(state, unseal_key_file, trust_domain=trust_domain)
    data, human = _face(server.face)
    if token_file is None:
        data["token"] = token.reveal().decode()
        human += f"\ntoken         {data['token']}"
    else:
        write_new(token_file, token.reveal() + b"\n", mode=SECRET, force=True)
        human += f"\ntoken         in `{token_file}`"
    server.store.close()
    emit(data, human=human, as_json=as_json)


@command.command(
    "serve",
    epilog="""\b
Example:
  caisson keyserver serve --state keyserver --unseal-key-file unseal.key --listen 0.0.0.0:8700 --san keys.example.org \\
    --pcs http://127.0.0.1:8081/sgx/certification/v4/""",
)
@_state_option
@_unseal_option
@_listen_option
@_pcs_option
@subscription_option
@pcks_option
@_san_option
@_trust_domain_option
@click.option("--first-token-file", type=_FILE, help="If DIR holds no server, make one there; this is its first token.")
@click.option("--tls-certificate", type=_FILE, help="Serve with this certificate (PEM), such as an enclave's.")
@click.option("--tls-key", type=_FILE, help="Its key.")
@click.option(
    "--per-client",
    type=click.IntRange(1),
    default=MOST_UNUSED,
    show_default=True,
    help="Challenges that one client's address may leave unused in a quarter of an hour.",
)
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    metavar="NETWORK",
    callback=lambda _context, _option, values: tuple(map(_network, values)),
    help="Load balancers that say in X-Forwarded-For for whom they ask.  [default: nobody is believed]",
)
def serve_state(  # noqa: PLR0913 - one parameter for each option
    *,
    state: Path,
    unseal_key_file: Path,
    address: str,
    pcs: str,
    pcs_key_file: Path | None,
    pcks_per_minute: int,
    names: tuple[str, ...],
    trust_domain: str,
    first_token_file: Path | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    per_client: int,
    proxies: tuple[Network, ...],
) -> None:
    """Run the key server of a directory until SIGTERM or SIGINT; prints a line when it is ready.

    With --first-token-file it needs no `init`: unseal key and token come from somewhere else, for a server that runs in
    an enclave from another key server. The files of --tls-certificate and --tls-key are read again once a day.
    """
    if (tls_certificate is None) != (tls_key is None):
        raise UsageError("a certificate needs its key", hint="give both `--tls-certificate` and `--tls-key`")
    asking = _asking(pcs, subscription=read_subscription(pcs_key_file), pcks_per_minute=pcks_per_minute)
    with listen(address) as listener, asking as collaterals:
        if first_token_file is None:
            server = open_state(state, unseal_key_file)
        else:
            token = Secret(read_private(first_token_file, what="first token").reveal().strip())
            server = ensure_state(state, unseal_key_file, token, trust_domain=trust_domain)
        given = None if tls_certificate is None or tls_key is None else GivenTls(tls_certificate, tls_key)
        tls = given or _own_tls(server, address, names)
        _serve(
            server,
            listener,
            address=address,
            collaterals=collaterals,
            tls=tls,
            per_client=per_client,
            proxies=proxies,
        )


@command.command(
    epilog="""\b
Example:
  caisson keyserver dev --token-file dev.token --ca-file dev-ca.pem --pcs http://127.0.0.1:8081/sgx/certification/v4/"""
)
@_listen_option
@_pcs_option
@_san_option
@_trust_domain_option
@click.option(
    "--token-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the token here, not to stdout."
)
@click.option("--ca-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the CA certificate here (PEM).")
@force_option
@json_option
def dev(
    *,
    address: str,
    pcs: str,
    names: tuple[str, ...],
    trust_domain: str,
    token_file: Path | None,
    ca_file: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Run a key server in memory, for trying only: what it holds is lost when it ends."""
    say("warning: this is a development key server: all it holds is lost when it ends", style="bold yellow")
    with listen(address) as listener, _asking(pcs) as collaterals:
        server, token = memory_server(trust_domain=trust_domain)
        data, human = _face(server.face)
        if token_file is None:
            data["token"] = token.reveal().decode()
            human += f"\ntoken         {data['token']}"
        else:
            write_new(token_file, token.reveal() + b"\n", mode=SECRET, force=force)
        if ca_file is not None:
            write_new(ca_file, server.face.ca_pem.encode(), mode=0o644, force=force)
        emit(data, human=human, as_json=as_json)
        tls = _own_tls(server, address, names)
        _serve(server, listener, address=address, collaterals=collaterals, tls=tls, dev=True)


@command.command(
    epilog="""\b
Example:
  caisson build rootfs:root docker-daemon:redis --key-server-pin "$(caisson keyserver identity --state keyserver)\""""
)
@_state_option
@json_option
def identity(*, state: Path, as_json: bool) -> None:
    """Print the hash of the server's identity key, which images pin."""
    face = public_face(state)
    emit(_face(face)[0], human=str(face.key_hash), as_json=as_json)


@command.command(
    epilog="""\b
Example:
  caisson keyserver ca --state keyserver > ca.pem"""
)
@_state_option
def ca(*, state: Path) -> None:
    """Print the server's CA certificate as PEM."""
    click.echo(public_face(state).ca_pem, nl=False)


@command.group(epilog="\b\nExample:\n  caisson keyserver token create ann --output ann.token")
def token() -> None:
    """Make and revoke operators' tokens."""


@token.command(epilog="\b\nExample:\n  caisson keyserver token create ann --output ann.token")
@click.argument("name")
@click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Write the token here.")
@force_option
@json_option
@operator_options
def create(name: str, *, output: Path, force: bool, as_json: bool, client: KeyServerClient) -> None:
    """Make a token for operator NAME, who will be in the audit log under that name."""
    info, value = client.create_token(name)
    write_new(output, value.reveal() + b"\n", mode=SECRET, force=force)
    emit(
        {"token": asdict(info)},
        human=f"token `{info.identifier}` for `{info.name}` is in `{output}`",
        as_json=as_json,
    )


@token.command("list", epilog="\b\nExample:\n  caisson keyserver token list")
@json_option
@operator_options
def list_tokens(*, as_json: bool, client: KeyServerClient) -> None:
    """List the valid tokens, without the tokens themselves."""
    found = client.tokens()
    rows = [("ID", "NAME", "MADE"), *((info.identifier, info.name, moment(info.created)) for info in found)]
    emit({"tokens": [asdict(info) for info in found]}, human=table(rows, empty="no tokens"), as_json=as_json)


@token.command(epilog="\b\nExample:\n  caisson keyserver token revoke 5f0c8a1b2d3e4f60")
@click.argument("identifier", metavar="ID")
@json_option
@operator_options
def revoke(identifier: str, *, as_json: bool, client: KeyServerClient) -> None:
    """End token ID at once."""
    client.revoke_token(identifier)
    emit({"revoked": identifier}, human=f"token `{identifier}` is revoked", as_json=as_json)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise UsageError(f"`{text}` is neither an address nor a network", hint="as in `10.0.0.0/8`") from None


def _own_tls(server: KeyServer, address: str, names: tuple[str, ...]) -> ServerTls:
    host = _host(address)
    if not names and host in _ANY:
        raise UsageError("a certificate needs a name", hint="say with `--san` how this server is reached")
    return ServerTls(server, subject_names(names or (host,)))


def _host(address: str) -> str:
    return unbracketed(address.rpartition(":")[0])


@contextlib.contextmanager
def _asking(pcs: str, *, subscription: str | None = None, pcks_per_minute: int = 0) -> Iterator[Collaterals]:
    with httpx2.Client(timeout=_PCS_SECONDS, trust_env=False) as http:
        client = PcsClient(pcs, http, subscription=subscription)
        yield Collaterals(client.collateral_of, pcks=named_pcks(client, pcks_per_minute))


def _serve(
    server: KeyServer,
    listener: socket.socket,
    *,
    address: str,
    collaterals: Collaterals,
    tls: ServerTls | GivenTls,
    per_client: int = MOST_UNUSED,
    proxies: tuple[Network, ...] = (),
    dev: bool = False,
) -> None:
    log_to_stderr()
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    shown = authority(_host(address), listener.getsockname()[1])
    serve(
        Activations(server, collaterals, Allowance(per_client)),
        listener=listener,
        tls=tls,
        ready=lambda: click.echo(f"ready https://{shown}"),
        proxies=proxies,
        dev=dev,
    )
    say("stopped")


def _face(face: PublicFace) -> tuple[dict[str, str], str]:
    data = {"server_key_sha256": str(face.key_hash), "trust_domain": face.trust_domain, "ca": face.ca_pem}
    return data, f"identity      {face.key_hash}\ntrust domain  {face.trust_domain}"


@contextlib.contextmanager
def _reserved(token_file: Path | None, state: Path) -> Iterator[None]:
    """Make the file of the first token before there is one: no server whose only token had no place to go."""
    if token_file is None:
        yield
        return
    if not token_file.parent.exists() and token_file.parent in (state, *state.parents):  # the server would make it
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_new(token_file, b"", mode=SECRET, force=False)
    try:
        yield
    except BaseException:
        token_file.unlink(missing_ok=True)
        raise
