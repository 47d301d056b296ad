"""`caisson deploy`: the same deployment as files for each platform."""

import contextlib
from pathlib import Path
from typing import Any, get_args

import click

from caisson.cli.deployment import deployment_of, deployment_options, say_what_is_seldom_meant
from caisson.cli.files import ELSEWHERE, PUBLIC, force_option, write_new
from caisson.cli.kubernetes import kubernetes_of, kubernetes_options
from caisson.cli.output import emit, json_option
from caisson.deploy import (
    File,
    SgxDevices,
    cdi_specification,
    compose_project,
    helm_chart,
    kubernetes_manifest,
    kustomize_base,
    run_script,
    stack,
)
from caisson.deploy.run_line import EngineName
from caisson.errors import UsageError

_EXECUTABLE = 0o755

output_option = click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Directory to write to.  [default: print]"
)


@click.group()
def command() -> None:
    """Write what a platform needs to run a confidential image: nothing is started.

    The image is verified first, and pinned by its digest. What a platform would silently ignore is refused.
    """


@command.command()
@deployment_options
@click.option(
    "--engine", type=click.Choice(get_args(EngineName)), default="docker", show_default=True, help="Whose command."
)
@output_option
@force_option
@json_option
def run(*, engine: EngineName, output: Path | None, force: bool, as_json: bool, **options: Any) -> None:
    """Write a script of `docker run` or `podman run`.

    \b
    Example:
      caisson deploy run caisson/redis:7.0 --key-server https://172.17.0.1:8700 \\
          --platform-socket "$PWD/state/platform.sock" --publish 16379:6379 | sh
    """
    deployment = deployment_of(**options, here=True)
    say_what_is_seldom_meant(deployment, container=deployment.replica_names()[0])
    write_files(run_script(deployment, engine=engine), output, force=force, as_json=as_json)


@command.command()
@deployment_options
@output_option
@force_option
@json_option
def compose(*, output: Path | None, force: bool, as_json: bool, **options: Any) -> None:
    """Write a project for Compose (1.29, or 2).

    \b
    Example:
      caisson deploy compose caisson/redis:7.0 --key-server https://172.17.0.1:8700 \\
          --platform-socket "$PWD/state/platform.sock" --publish 16379:6379 --output redis
    """
    deployment = deployment_of(**options, here=True)
    say_what_is_seldom_meant(deployment, container=deployment.replica_names()[0])
    write_files(compose_project(deployment), output, force=force, as_json=as_json)


@command.command()
@deployment_options
@click.option("--constraint", "constraints", multiple=True, help="Where tasks may run, as Swarm has it; repeatable.")
@click.option("--volume-per-node", is_flag=True, help="Let each node keep its own data; one task on each.")
@output_option
@force_option
@json_option
def swarm(
    *,
    constraints: tuple[str, ...],
    volume_per_node: bool,
    output: Path | None,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Write a stack for Docker Swarm; what Swarm would drop without a word is refused.

    SGX nodes are prepared with `caisson node setup swarm`. A stack cannot say `no-new-privileges`: the runtime of
    those nodes says it for tasks with SGX.

    \b
    Example:
      caisson deploy swarm docker://registry.example/redis:7.0 --key-server https://keys.example:8443 \\
          --aesmd --replicas 3 --publish 6379:6379 --volume-per-node
    """
    deployment = deployment_of(**options)
    say_what_is_seldom_meant(deployment, container=deployment.name if volume_per_node else f"{deployment.name}-1")
    files = stack(deployment, constraints=constraints, volume_per_node=volume_per_node)
    write_files(files, output, force=force, as_json=as_json)


@command.command()
@deployment_options
@kubernetes_options
@output_option
@force_option
@json_option
def kubernetes(*, output: Path | None, force: bool, as_json: bool, **options: Any) -> None:
    """Write objects for Kubernetes, as one file.

    A StatefulSet if the image has volumes, otherwise a Deployment; a Service, a NetworkPolicy and a ServiceAccount
    without token; with several replicas a PodDisruptionBudget.

    \b
    Example:
      caisson deploy kubernetes docker://registry.example/redis:7.0 --key-server https://keys.example:8443 \\
          --flavour intel-webhook --aesmd | kubectl apply --filename -
    """
    write_files(kubernetes_manifest(*kubernetes_of(**options)), output, force=force, as_json=as_json)


@command.command()
@deployment_options
@kubernetes_options
@output_option
@force_option
@json_option
def kustomize(*, output: Path | None, force: bool, as_json: bool, **options: Any) -> None:
    """Write the same objects as a base for Kustomize.

    \b
    Example:
      caisson deploy kustomize docker://registry.example/redis:7.0 --key-server https://keys.example:8443 \\
          --flavour intel-plain --aesmd --output base
    """
    write_files(kustomize_base(*kubernetes_of(**options)), output, force=force, as_json=as_json)


@command.command()
@deployment_options
@kubernetes_options
@output_option
@force_option
@json_option
def helm(*, output: Path | None, force: bool, as_json: bool, **options: Any) -> None:
    """Write the same objects as a Helm chart: the image's digest, replicas and storage can be changed.

    \b
    Example:
      caisson deploy helm docker://registry.example/redis:7.0 --key-server https://keys.example:8443 \\
          --flavour aks --aesmd --output chart
    """
    write_files(helm_chart(*kubernetes_of(**options)), output, force=force, as_json=as_json)


@command.command()
@click.option("--enclave-device", metavar="PATH", default="/dev/sgx_enclave", show_default=True, help="On the host.")
@click.option(
    "--provision-device", metavar="PATH", default="/dev/sgx_provision", show_default=True, help="On the host."
)
@click.option("--device-group", type=click.IntRange(0), help="Group that may open the first, for containers to join.")
@output_option
@force_option
@json_option
def cdi(
    *,
    enclave_device: str,
    provision_device: str,
    device_group: int | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write a CDI specification of the SGX devices, for `/etc/cdi`.

    \b
    Example:
      caisson deploy cdi --output cdi
    """
    devices = SgxDevices(enclave=enclave_device, provision=provision_device, group=device_group)
    write_files(cdi_specification(devices), output, force=force, as_json=as_json)


def write_files(files: tuple[File, ...], output: Path | None, *, force: bool, as_json: bool) -> None:
    """Write a deployment's files into a directory, or print the only one.

    Raises:
        UsageError: several files and no directory, or a file that exists.
    """
    if output is None:
        if len(files) > 1 and not as_json:
            names = ", ".join(f"`{file.name}`" for file in files)
            raise UsageError(f"there are {len(files)} files: {names}", hint="name a directory with `--output`")
        text = files[0].text.removesuffix("\n")
        emit({"files": {file.name: file.text for file in files}}, human=text, as_json=as_json)
        return
    written = [str(path) for path in write_all(files, output, force=force)]
    emit({"written": written}, human="\n".join(written), as_json=as_json)


def write_all(files: tuple[File, ...], output: Path, *, force: bool) -> list[Path]:
    """Write files into a directory, which is made, all or none of those that were not there; give their paths.

    Raises:
        UsageError: the directory cannot be made, or a file exists or cannot be written.
    """
    paths = [output / file.name for file in files]
    with contextlib.ExitStack() as made:
        for directory in dict.fromkeys(path.parent for path in paths):
            _make(directory, made)
        for file, path in zip(files, paths, strict=True):
            is_new = not path.exists()
            write_new(path, file.text.encode(), mode=_EXECUTABLE if file.executable else PUBLIC, force=force)
            if is_new:
                made.callback(path.unlink, missing_ok=True)
        made.pop_all()
    return paths


def _make(directory: Path, made: contextlib.ExitStack) -> None:
    """Make a directory and those above it, and let `made` remove again what is empty of them."""
    for each in reversed([each for each in (directory, *directory.parents) if not each.exists()]):
        try:
            each.mkdir(exist_ok=True)
        except OSError as cause:
            raise UsageError(f"cannot make the directory `{directory}`: {cause.strerror}", hint=ELSEWHERE) from cause
        made.callback(_remove_empty, each)


def _remove_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()
