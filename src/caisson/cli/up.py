"""`caisson up`: from a name to a confidential container that runs and has proved itself."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import click

from caisson import catalog, oci
from caisson.cli.bring_up import Program, Proved, Steps, bring_up
from caisson.cli.build import chosen_release, upstream_option
from caisson.cli.home import Home, home_option
from caisson.cli.local import Local
from caisson.cli.output import emit, json_option, say
from caisson.cli.published import PublishType
from caisson.cli.recipes import read_recipe
from caisson.cli.registry import registry_options
from caisson.cli.starttls import StartTls
from caisson.conversion import Recipe, companion
from caisson.conversion.manifests import NATIVE
from caisson.conversion.runtime import Release
from caisson.deploy import Companion, Publish, network_of
from caisson.enclave.layout import GRAMINE
from caisson.engine import Docker
from caisson.errors import UsageError

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")  # good for an image, a container and a file
_SHORTEST = 2  # Docker takes no shorter name for a container


@click.command()
@click.argument("name")
@home_option
@click.option("--recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A recipe of your own.")
@click.option("--source", help="Plain image to start from.  [default: what the recipe says]")
@upstream_option
@click.option(
    "--publish",
    "-p",
    type=PublishType(),
    multiple=True,
    help="Where to offer ports; without the first PORT, where the engine likes.  [default: the same]",
)
@click.option(
    "--runtime", default=NATIVE, metavar="NAME", help="`gramine` or `gramine:ID`: gramine-direct.  [default: native]"
)
@registry_options
@json_option
def command(  # noqa: PLR0913 - one parameter for each option
    *,
    name: str,
    home: Home,
    recipe: Path | None,
    source: str | None,
    upstream: bool,
    publish: tuple[Publish, ...],
    runtime: str,
    access: oci.Access,
    as_json: bool,
) -> None:
    """Build, start what is missing, run, wait until it has proved itself, and say how to connect.

    NAME is an entry of the catalog or, with --recipe, what the container shall be called. What the recipe wants
    beside it comes up first, on a network of both. Without SGX all runs on the software platform, which protects
    nothing. With `--runtime gramine` it is built as for an enclave, and starts under gramine-direct: then what it keeps
    in encrypted mounts can be looked at, and is encrypted.

    \b
    Example:
      caisson up redis
      caisson up sqlite --runtime gramine
    """
    read = catalog.load(name).recipe if recipe is None else read_recipe(recipe)
    found = read.taken_from(upstream=upstream)
    if not found.ports:
        raise UsageError("the recipe names no port at which the program could be attested", hint="add `ports = […]`")
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"`{name}` is no name for a container", hint="write it like `my-redis`, in lower case")
    if publish and found.ports[0] not in {one.container_port for one in publish}:
        raise UsageError(
            f"the port at which the program is attested would not be offered: {found.ports[0]}",
            hint=f"add `--publish {found.ports[0]}`",
        )
    container = name if len(name) >= _SHORTEST else f"caisson-{name}"
    network = network_of(container) if found.beside else None
    release = chosen_release(runtime, home)
    if release is not None and release.bundle.layout != GRAMINE:
        raise UsageError(
            "the software platform cannot launch this bundle: it lays enclaves out as Gramine 1.9 does",
            hint="build for it with `caisson build`, and start it on SGX; or take a known release",
        )
    companions = _companions(found, container, network, release)
    program = Program(
        name=name,
        container=container,
        recipe=found,
        source=source,
        publish=publish,
        network=network,
        release=release,
    )
    steps = Steps()
    with Docker() as docker:
        local = Local.start(home, address=docker.bridge_gateway(), tcp=release is not None)
        steps.done(f"key server {local.key_server}, and a software platform, which protects nothing")
        with _told_what_stays(local, container):
            if network is not None:
                docker.ensure_network(network)
            beside = [bring_up(one, docker, local, access, steps) for one in companions]
            proved = bring_up(program, docker, local, access, steps)
    services = {
        "key_server": local.key_server,
        "key_server_pin": str(local.pin),
        "pcs": local.pcs,
        "ca": str(home.server_ca),
    }
    emit(
        {**proved.data(), **services, "beside": [one.data() for one in beside]},
        human="\n".join([_how_to_connect(proved, local), *(_what_is_beside(one, local) for one in beside)]),
        as_json=as_json,
    )


@contextlib.contextmanager
def _told_what_stays(local: Local, container: str) -> Iterator[None]:
    """Say on failure which services were started and are not stopped: who tries again has them at once."""
    try:
        yield
    except BaseException:
        if local.fresh:
            say(
                "note: the key server and the software platform go on running, for the next `caisson up`;"
                f" `caisson down {container} --all{local.home.option}` ends them, and the container if it runs",
            )
        raise


def _companions(recipe: Recipe, container: str, network: str | None, release: Release | None) -> tuple[Program, ...]:
    """Give what comes up beside a recipe's container: each on a port of the loopback that the engine chooses."""
    found = []
    for wanted in recipe.beside:
        own = companion(recipe, wanted, catalog.load(wanted.entry).recipe.taken_from(upstream=False))
        name = f"{container}-{wanted.entry}"
        found.append(
            Program(
                name=name,
                container=name,
                recipe=own,
                publish=tuple(Publish(container_port=port) for port in own.ports),
                network=network,
                companion=Companion(of=container, alias=own.name),
                release=release,
            )
        )
    return tuple(found)


def _how_to_connect(proved: Proved, local: Local) -> str:
    recipe = proved.program.recipe
    lines = [
        f"{_called(proved)} answers at {proved.address}, in TLS; its certificate is signed by {local.home.server_ca}",
        f"  attest it     {_attest(proved, local)}",
        *(
            f"  its secret    caisson secret get {secret.name} --reveal"
            for secret in recipe.provision.secret
            if secret.kind == "password"
        ),
        f"  stop it       caisson down {proved.program.container} --all{local.home.option}",
    ]
    return "\n".join(lines)


def _called(proved: Proved) -> str:
    container, workload = proved.program.container, proved.program.recipe.name
    return container if container == workload else f"{container}, of workload {workload},"


def _what_is_beside(proved: Proved, local: Local) -> str:
    recipe = proved.program.recipe
    return f"{recipe.name}, beside it, answers at {proved.address}\n  attest it     {_attest(proved, local)}"


def _attest(proved: Proved, local: Local) -> str:
    asking = "" if proved.starttls is StartTls.NONE else f" --starttls {proved.starttls}"
    return f"caisson attest {proved.address}{asking} --policy {proved.policy} --pcs {local.pcs}"
