"""`caisson ps`: which confidential containers the engine has, what they are, and when they were attested."""

import time
from collections.abc import Iterator
from hashlib import sha256

import click

from caisson.cli.confidential import confidential, enclave_in, main_of
from caisson.cli.connection import Connection, connection_options
from caisson.cli.output import emit, json_option, say
from caisson.cli.peer import peer_certificate
from caisson.cli.ps_table import data, text
from caisson.cli.starttls import StartTls
from caisson.engine import ContainerState, Docker, Listed
from caisson.errors import Malformed, Unavailable, UsageError
from caisson.keyserver import verify_chain
from caisson.lifecycle import (
    Confidential,
    KeyServerLog,
    attestations,
)


@click.command()
@click.option("--connect", is_flag=True, help="Ask each published port for its certificate: only its key is proof.")
@json_option
@connection_options
def command(*, connect: bool, as_json: bool, connection: Connection) -> None:
    """List the confidential containers of the engine: what they are, whether they run, when they were attested.

    The enclave is the one that the SIGSTRUCT in the container admits. When it was attested, and under which policy, is
    what the key server's audit log says: the first activation of this enclave and workload since the container started.
    Where no key server is known that is unknown. With --connect a port that answers shows by its key which activation
    it is. What the engine says is no evidence; `caisson attest` and `caisson verify` give it.

    After its certificate's end clients refuse a container. One that is started again gets a new certificate.

    \b
    Example:
      caisson ps --connect
    """
    with Docker() as docker:
        if connect and not docker.local:
            raise UsageError(
                f"the engine at `{docker.host}` is another machine's, and so are its ports",
                hint="run this there, or attest each port with `caisson attest HOST:PORT`",
            )
        containers = tuple(_containers(docker, connect=connect))
    log, versions = _asked(connection)
    found = attestations(containers, log)
    if log is None and containers:
        say("no key server was named, and none runs here: nothing is known of attestation")
    server, at = None if log is None else str(log.server), time.time()
    emit(
        {
            "key_server_sha256": server,
            "containers": [data(one, found[one.name], versions, at=at) for one in containers],
        },
        human=text(containers, found, versions, server, at=at),
        as_json=as_json,
    )


def _place(listed: Listed) -> tuple[str, bool, str]:
    """Tell where in the list a container stands: by its name, and right behind the one that it is there for."""
    main = main_of(listed)
    return main, listed.name != main, listed.name


def _containers(docker: Docker, *, connect: bool) -> Iterator[Confidential]:
    for listed in sorted(confidential(docker).values(), key=_place):
        state = docker.state(listed.container_id)
        if state is None:  # it was removed just now
            continue
        yield Confidential(
            state=state,
            enclave=enclave_in(docker, listed),
            image_names=docker.image_names(state.image_id),
            tls_key=_key_behind(state) if connect else None,
        )


def _key_behind(state: ContainerState) -> str | None:
    """Give the SHA-256 of the TLS key that the first port answers with that answers at all."""
    for port, endpoint in sorted(state.ports.items()):
        try:
            certificate = peer_certificate(endpoint.host, endpoint.port, StartTls.of_port(port))
        except (Unavailable, Malformed):
            continue
        return sha256(certificate.spki).hexdigest()
    return None


def _asked(connection: Connection) -> tuple[KeyServerLog | None, dict[str, int]]:
    """Give the key server's log and the newest version of each workload, if a key server is known."""
    if not connection.known:
        return None, {}
    with connection.client() as client:
        log = KeyServerLog.read(verify_chain(client.audit_lines()))
        return log, {info.name: info.version for info in client.workloads()}
