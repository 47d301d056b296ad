"""`caisson up`: from a name to a confidential container that runs and has proved itself."""

import re
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.markup import escape

from caisson import catalog, oci
from caisson.cli.build import base_of, prepare_image, upstream_option
from caisson.cli.file_keys import file_keys_of
from caisson.cli.home import Home, home_option
from caisson.cli.launch import described, require_success, start
from caisson.cli.local import Local, signing_key
from caisson.cli.output import emit, json_option, talk
from caisson.cli.peer import authority, peer_certificate
from caisson.cli.provisioning import exact_policy, provision
from caisson.cli.published import PublishType
from caisson.cli.registry import registry_options
from caisson.cli.sources import fetch_collateral
from caisson.cli.starttls import StartTls
from caisson.conversion import ConfidentialImage, Recipe
from caisson.deploy import LABEL, Deployment, PlatformSocket, Publish
from caisson.engine import Docker
from caisson.errors import Unavailable, UsageError
from caisson.evidence import Policy, verify_certificate

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")  # good for an image, a container and a file
_SHORTEST = 2  # Docker takes no shorter name for a container
_PATIENCE = 60.0
_STEP = 0.05


class _Steps:
    """Says each step when it is done, and how long it took."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def done(self, text: str) -> None:
        """Say it."""
        now = time.monotonic()
        talk.print(f"[green]✓[/] {escape(text)} [dim]({now - self._since:.1f} s)[/]", soft_wrap=True)
        self._since = now


@click.command()
@click.argument("name")
@home_option
@click.option("--recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A recipe of your own.")
@click.option("--source", help="Plain image to start from.  [default: what the recipe says]")
@upstream_option
@click.option("--publish", "-p", type=PublishType(), multiple=True, help="Where to offer ports.  [default: the same]")
@registry_options
@json_option
def command(
    *,
    name: str,
    home: Home,
    recipe: Path | None,
    source: str | None,
    upstream: bool,
    publish: tuple[Publish, ...],
    access: oci.Access,
    as_json: bool,
) -> None:
    """Build, start what is missing, run, wait until it has proved itself, and say how to connect.

    NAME is an entry of the catalog or, with --recipe, what the container shall be called. Without SGX it runs on
    the software platform, which protects nothing.

    \b
    Example:
      caisson up redis
    """
    read = catalog.load(name).recipe if recipe is None else Recipe.read(recipe)
    found = read.taken_from(upstream=upstream)
    if not found.ports:
        raise UsageError("the recipe names no port at which the program could be attested", hint="add `ports = […]`")
    container = name if len(name) >= _SHORTEST else f"caisson-{name}"
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"`{name}` is no name for a container", hint="write it like `my-redis`, in lower case")
    if publish and found.ports[0] not in {one.container_port for one in publish}:
        raise UsageError(
            f"the port at which the program is attested would not be offered: {found.ports[0]}",
            hint=f"add `--publish {found.ports[0]}`",
        )
    steps, reference = _Steps(), f"caisson/{name}:latest"
    with Docker() as docker:
        local = Local.start(home, address=docker.bridge_gateway())
        steps.done(f"key server {local.key_server}, and a software platform, which protects nothing")
        built = _build(found, source, local, reference, access)
        steps.done(f"image {reference}, {built.image.digest}")
        talk.print(f"  MRENCLAVE {built.mr_enclave}\n  MRSIGNER  {built.mr_signer}", soft_wrap=True)
        policy = exact_policy(built, local)
        policy_file = home.path / f"{name}.policy.toml"
        policy_file.write_text(policy.encode())
        with local.client() as server:
            provision(found, policy, server)
        steps.done(f"workload `{found.name}` with its secrets, policy {policy_file}")
        _start(docker, container, reference, found, local, publish)
        address = _wait_for_proof(docker, container, found.ports[0], policy, local)
        steps.done(f"container `{container}` runs, and proved what it is")
    where = authority(*address)
    emit(
        {
            "container": container,
            "workload": found.name,
            "address": where,
            "starttls": StartTls.of_port(found.ports[0]).value,
            "image": reference,
            "digest": str(built.image.digest),
            "base": base_of(built),
            "mrenclave": str(built.mr_enclave),
            "mrsigner": str(built.mr_signer),
            "key_server": local.key_server,
            "key_server_pin": str(local.pin),
            "pcs": local.pcs,
            "ca": str(home.server_ca),
            "policy": str(policy_file),
        },
        human=_how_to_connect(container, where, found, policy_file, local),
        as_json=as_json,
    )


def _build(recipe: Recipe, source: str | None, local: Local, reference: str, access: oci.Access) -> ConfidentialImage:
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        built = prepare_image(
            source,
            recipe,
            cache=local.home.cache,
            scratch=Path(directory),
            pin=local.pin,
            access=access,
            file_keys=file_keys_of(recipe, (), local.client),
        ).sign(signing_key(local.home))
        oci.sink(oci.Reference.parse(f"docker-daemon:{reference}")).write(built.image, overwrite=True)
    return built


def _start(
    docker: Docker, name: str, reference: str, recipe: Recipe, local: Local, publish: tuple[Publish, ...]
) -> None:
    """Start the container. One that runs just this image already is left alone, one that has ended is replaced.

    Raises:
        UsageError: the name is taken by another container, or by one that runs an older image.
    """
    state = docker.state(name)
    if state is not None and LABEL not in state.labels:
        raise UsageError(f"a container named `{name}` exists, and it is not ours", hint="remove it, or rename it")
    if state is not None and state.running:
        if state.image_id != docker.image_id(reference):
            raise UsageError(
                f"the container `{name}` runs another image than the one that was just built",
                hint=f"stop it with `caisson down {name}`, then say `caisson up` again; its volumes stay",
            )
        return
    if state is not None:
        docker.remove(name)
    start(
        docker,
        Deployment(
            image=described(docker, reference),
            name=name,
            workload=recipe.name,
            key_server=local.key_server,
            evidence=PlatformSocket(path=str(local.home.platform_socket.absolute())),
            publish=publish or tuple(Publish(container_port=port, host_port=port) for port in recipe.ports),
            restart="no",
        ),
    )


def _wait_for_proof(docker: Docker, name: str, port: int, policy: Policy, local: Local) -> tuple[str, int]:
    """Wait until the program answers with a certificate whose evidence the policy accepts; give its address.

    Raises:
        Rejected: the container ended because activation was refused, or its evidence is not acceptable.
        UsageError: the container does not offer the port.
        Unavailable: it does not answer in time.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        state = docker.state(name)
        if state is None:
            raise Unavailable(f"the container `{name}` was removed while it started")
        if not state.running:
            output = docker.logs(name)
            docker.remove(name)
            require_success(state.exit_code, output)
            raise Unavailable(f"the container `{name}` ended at once")
        if port not in state.ports:
            raise UsageError(
                f"the container `{name}` does not offer port {port}", hint=f"stop it with `caisson down {name}`"
            )
        address = (state.ports[port].host, state.ports[port].port)
        try:
            certificate = peer_certificate(*address, StartTls.of_port(port))
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(_STEP)
            continue
        verify_certificate(certificate, fetch_collateral(certificate, local.pcs), policy, at=datetime.now(UTC))
        return address


def _how_to_connect(name: str, address: str, recipe: Recipe, policy: Path, local: Local) -> str:
    home, starttls = local.home, StartTls.of_port(recipe.ports[0])
    asking = "" if starttls is StartTls.NONE else f" --starttls {starttls}"
    lines = [
        f"{recipe.name} answers at {address}, in TLS; its certificate is signed by {home.server_ca}",
        f"  attest it     caisson attest {address}{asking} --policy {policy} --pcs {local.pcs}",
        *(
            f"  its secret    caisson secret get {secret.name} --reveal"
            for secret in recipe.provision.secret
            if secret.kind == "password"
        ),
        f"  stop it       caisson down {name} --all",
    ]
    return "\n".join(lines)
