"""Bringing one program up: build it, give it its workload, start it, and wait until it has proved itself."""

import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from caisson import oci
from caisson.addresses import authority
from caisson.cli.build import base_of, prepare_image
from caisson.cli.file_keys import file_keys_of
from caisson.cli.launch import described, direct_warning, require_success, start
from caisson.cli.local import Local, signing_key
from caisson.cli.locked_out import refuse_locking_out
from caisson.cli.output import console, printable, say
from caisson.cli.peer import peer_certificate
from caisson.cli.provisioning import exact_policy, provision
from caisson.cli.sources import fetch_collateral
from caisson.cli.starttls import StartTls
from caisson.conversion import ConfidentialImage, Recipe
from caisson.conversion.manifests import GRAMINE, NATIVE
from caisson.conversion.places import DIRECT_ENTRYPOINT
from caisson.conversion.runtime import Release
from caisson.deploy import LABEL, Companion, Deployment, PlatformAddress, PlatformSocket, Publish, Volume
from caisson.engine import Docker
from caisson.errors import Unavailable, UsageError
from caisson.evidence import Policy, verify_certificate

_PATIENCE = 60.0
_STEP = 0.05


class Steps:
    """Says each step when it is done, and how long it took."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def done(self, text: str) -> None:
        """Say it."""
        now = time.monotonic()
        took = f"({now - self._since:.1f} s)"
        console.print(Text.assemble(("✓", "green"), f" {printable(text)} ", (took, "dim")))
        self._since = now


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What shall come up. `name` is that of image and policy, `source` a plain image in place of the recipe's.

    With a `release` of Gramine it is built as for an enclave, and starts under `gramine-direct`.
    """

    name: str
    container: str
    recipe: Recipe
    source: str | None = None
    publish: tuple[Publish, ...] = ()
    network: str | None = None
    companion: Companion | None = None
    release: Release | None = None

    @property
    def image(self) -> str:
        """How the engine calls its image."""
        return f"caisson/{self.name}:latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """A program that runs, and has proved what it is. `address` is where it answers."""

    program: Program
    built: ConfidentialImage
    policy: Path
    address: str

    @property
    def starttls(self) -> StartTls:
        """How it is asked for TLS."""
        return StartTls.of_port(self.program.recipe.ports[0])

    def data(self) -> dict[str, object]:
        """Give the JSON members that say what runs, and where."""
        return {
            "container": self.program.container,
            "workload": self.program.recipe.name,
            "address": self.address,
            "starttls": self.starttls.value,
            "image": self.program.image,
            "digest": str(self.built.image.digest),
            "base": base_of(self.built),
            "mrenclave": str(self.built.mr_enclave),
            "mrsigner": str(self.built.mr_signer),
            "runtime": NATIVE if self.program.release is None else GRAMINE,
            "policy": str(self.policy),
        }


def bring_up(program: Program, docker: Docker, local: Local, access: oci.Access, steps: Steps) -> Proved:
    """Bring a program up, or find that it is.

    Raises:
        UsageError: its name is taken, or it cannot be built.
        Rejected: it did not prove that it is what was built.
        Unavailable: something does not answer in time.
    """
    recipe = program.recipe
    built = _build(program, local, access)
    steps.done(f"image {program.image}, {built.image.digest}")
    say(f"  MRENCLAVE {built.mr_enclave}\n  MRSIGNER  {built.mr_signer}")
    runs = _runs(docker, program)
    refuse_locking_out(
        docker,
        workload=recipe.name,
        key_server=local.key_server,
        only=built.mr_enclave,
        besides=program.container,
    )
    policy = exact_policy(built, local)
    policy_file = local.home.path / f"{program.name}.policy.toml"
    policy_file.write_text(policy.encode())
    with local.client() as server:
        provision(recipe, policy, local, server)
    steps.done(f"workload `{recipe.name}` with its secrets, policy {policy_file}")
    if not runs:
        _start(docker, program, local)
    address = _wait_for_proof(docker, program.container, recipe.ports[0], policy, local)
    steps.done(f"container `{program.container}` runs, and proved what it is")
    return Proved(program=program, built=built, policy=policy_file, address=authority(*address))


def _build(program: Program, local: Local, access: oci.Access) -> ConfidentialImage:
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        built = prepare_image(
            program.source,
            program.recipe,
            cache=local.home.cache,
            scratch=Path(directory),
            pin=local.pin,
            access=access,
            file_keys=file_keys_of(program.recipe, (), local.client),
            runtime=program.release,
        ).sign(signing_key(local.home))
        oci.sink(oci.Reference.parse(f"docker-daemon:{program.image}")).write(built.image, overwrite=True)
    return built


def _runs(docker: Docker, program: Program) -> bool:
    """Tell whether the container runs, from just this image.

    Raises:
        UsageError: the name is taken by another container, or by one that runs an older image.
    """
    name = program.container
    state = docker.state(name)
    if state is not None and LABEL not in state.labels:
        raise UsageError(f"a container named `{name}` exists, and it is not ours", hint="remove it, or rename it")
    if state is None or not state.running:
        return False
    if state.image_id != docker.image_id(program.image):
        raise UsageError(
            f"the container `{name}` runs another image than the one that was just built",
            hint=f"stop it with `caisson down {name}`, then say `caisson up` again; its volumes stay",
        )
    return True


def _start(docker: Docker, program: Program, local: Local) -> None:
    """Start the container in place of one that has ended."""
    name, recipe = program.container, program.recipe
    if docker.state(name) is not None:
        docker.remove(name)
    image = described(docker, program.image)
    evidence: PlatformSocket | PlatformAddress = PlatformSocket(path=str(local.home.platform_socket.absolute()))
    volumes: tuple[Volume, ...] = ()
    if direct := local.platform is not None and image.runtime == GRAMINE:
        direct_warning()
        evidence = PlatformAddress(host=local.platform[0], port=local.platform[1])
        # What the native runtime kept plain is not what Gramine keeps, and neither reads the other's.
        volumes = tuple(Volume.unnamed(path, of=name, gramine=True) for path in image.volumes)
    start(
        docker,
        Deployment(
            image=image,
            name=name,
            workload=recipe.name,
            key_server=local.key_server,
            evidence=evidence,
            publish=program.publish or tuple(Publish(container_port=port, host_port=port) for port in recipe.ports),
            volumes=volumes,
            networks=() if program.network is None else (program.network,),
            restart="no",
            direct=DIRECT_ENTRYPOINT if direct else (),
        ),
        companion=program.companion,
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
