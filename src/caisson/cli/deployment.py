"""A deployment from the command line: an image that is verified first, and the options all platforms share."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from caisson import oci
from caisson.cli.address import Address
from caisson.cli.hexadecimal import Hexadecimal
from caisson.cli.output import say
from caisson.cli.published import publish_option, volume_option, warn_of_undeclared_ports
from caisson.cli.registry import registry_options
from caisson.conversion import verify_image
from caisson.deploy import (
    Deployment,
    Evidence,
    HostAesmd,
    ImagePin,
    MeasuredImage,
    PlatformAddress,
    PlatformSocket,
    Resources,
    SgxDevices,
    SidecarAesmd,
)
from caisson.engine import Docker
from caisson.errors import UsageError
from caisson.oci import Digest, Image
from caisson.protocol import ServerKeyHash

_SIZE = re.compile(r"([1-9][0-9]*)([KMG]?)")
_SHIFT = {"": 0, "K": 10, "M": 20, "G": 30}
_PIN = re.compile(r"(?:(.+)@)?(sha256:[0-9a-f]{64})")


class SizeType(click.ParamType[int]):
    """Bytes, with an optional K, M or G."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read one."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value))
        if found is None:
            self.fail(f"`{value}` is no size such as `512M`", param, ctx)
        return int(found[1]) << _SHIFT[found[2]]


class PinType(click.ParamType[ImagePin]):
    """`REPOSITORY@sha256:…`: an image by its digest, since a name alone can be made to mean another one."""

    name = "IMAGE@DIGEST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ImagePin:
        """Read one."""
        found = _PIN.fullmatch(str(value))
        if found is None:
            self.fail(f"`{value}` does not end in `@sha256:` and 64 hexadecimal digits", param, ctx)
        return ImagePin(repository=found[1], digest=Digest.parse(found[2]))


_OPTIONS = (
    click.argument("image"),
    click.option("--name", help="Name of the deployment.  [default: the image's workload]"),
    click.option("--key-server", required=True, metavar="URL", help="Key server, as the containers reach it."),
    click.option(
        "--key-server-pin",
        type=Hexadecimal(ServerKeyHash),
        help="Refuse an image that is built for another key server.",
    ),
    click.option("--workload", help="Workload to activate as.  [default: the image's]"),
    click.option("--repository", metavar="NAME", help="Where the image will be pulled from, by its digest."),
    click.option("--platform-socket", metavar="PATH", help="Evidence: the software platform's socket on the host."),
    click.option("--platform-address", type=Address(), help="Evidence: the software platform's TCP address."),
    click.option("--aesmd", is_flag=True, help="Evidence: aesmd as a service of the SGX host."),
    click.option(
        "--aesmd-directory", metavar="PATH", default="/var/run/aesmd", show_default=True, help="Its socket's."
    ),
    click.option("--aesmd-image", type=PinType(), help="Evidence: aesmd in a container beside the program."),
    click.option("--pccs-url", metavar="URL", help="Where that aesmd finds certificates (PCCS, API v4)."),
    click.option("--pccs-image", type=PinType(), help="Start such a PCCS, too."),
    click.option("--replicas", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many."),
    publish_option,
    volume_option,
    click.option("--network", "networks", multiple=True, help="Network that exists; may be repeated."),
    click.option("--memory", type=SizeType(), help="Limit of memory outside the enclave page cache."),
    click.option("--cpus", type=click.FloatRange(0.01), help="Limit of CPUs."),
    click.option(
        "--enclave-device", metavar="PATH", default="/dev/sgx_enclave", show_default=True, help="On the host."
    ),
    click.option("--cdi", is_flag=True, help="Name the device as `caisson deploy cdi` describes it."),
    click.option("--device-group", type=click.IntRange(0), help="Group that may open it.  [default: asked when used]"),
)


def deployment_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the image and the options that `deployment_of` takes."""
    function = registry_options(function)
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def deployment_of(  # noqa: PLR0913 - one parameter for each option
    *,
    image: str,
    name: str | None,
    key_server: str,
    key_server_pin: ServerKeyHash | None,
    workload: str | None,
    repository: str | None,
    replicas: int,
    memory: int | None,
    cpus: float | None,
    enclave_device: str,
    device_group: int | None,
    cdi: bool,
    publish: Any,
    volumes: Any,
    networks: tuple[str, ...],
    access: oci.Access,
    here: bool = False,
    **evidence: Any,
) -> Deployment:
    """Verify the image, and describe its deployment as the options have it; `here` is on this machine.

    Raises:
        ImageRejected: it is not a confidential image, or it was changed.
        UsageError: options that do not fit it, or each other.
    """
    provider = evidence_of(**evidence, here=here)
    found = verified(image, repository=repository, access=access)
    return Deployment(
        image=found,
        name=name or workload or found.workload,
        key_server=key_server,
        key_server_pin=key_server_pin,
        workload=workload,
        evidence=provider,
        replicas=replicas,
        publish=publish,
        volumes=volumes,
        networks=networks,
        resources=Resources(memory=memory, cpus=cpus),
        devices=SgxDevices(enclave=enclave_device, group=device_group, cdi=cdi),
    )


def evidence_of(
    *,
    platform_socket: str | None,
    platform_address: tuple[str, int] | None,
    aesmd: bool,
    aesmd_directory: str,
    aesmd_image: ImagePin | None,
    pccs_url: str | None,
    pccs_image: ImagePin | None,
    here: bool,
) -> Evidence:
    """Give the one provider that was named; on this machine a path may begin in the working directory.

    Raises:
        UsageError: none, or several.
    """
    found: list[Evidence] = []
    if platform_socket is not None:
        found.append(PlatformSocket(path=str(Path(platform_socket).absolute()) if here else platform_socket))
    if platform_address is not None:
        found.append(PlatformAddress(host=platform_address[0], port=platform_address[1]))
    if aesmd:
        found.append(HostAesmd(directory=aesmd_directory))
    if aesmd_image is not None:
        found.append(SidecarAesmd(image=aesmd_image, pccs_url=pccs_url, pccs_image=pccs_image))
    if len(found) != 1:
        raise UsageError(
            "name one provider of evidence" + (", not several" if found else ""),
            hint="`--aesmd` or `--aesmd-image` with SGX, `--platform-socket` or `--platform-address` without",
        )
    return found[0]


def verified(reference: str, *, repository: str | None, access: oci.Access) -> MeasuredImage:
    """Read an image, recompute its identity, and give what a deployment must know of it.

    Raises:
        ImageRejected: it is not a confidential image, or it was changed.
        UsageError: no digest is known by which it could be pulled.
    """
    parsed = oci.Reference.parse(reference)
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        image = oci.source(parsed, access).read(scratch=Path(directory))
        manifest = verify_image(image).manifest
        return MeasuredImage.of(_pin(parsed, image, repository), manifest, image.config.run)


def say_what_is_seldom_meant(deployment: Deployment, *, container: str) -> None:
    """Say which ports may lead nowhere, and where earlier versions kept the data of a `container` of the deployment."""
    warn_of_undeclared_ports(deployment)
    for volume in deployment.volumes_of(container):
        if volume.former is None:
            continue
        one = f"add `--volume {volume.former}:{volume.path}`"
        remedy = one if deployment.replicas == 1 else "copy it: docs/reference/deploy.md says how"
        say(
            f"note: `{volume.path}` is kept in the volume `{volume.name}`; earlier versions kept it in"
            f" `{volume.former}`, which may be another deployment's, too; if your data is there, {remedy}",
        )


def _pin(reference: oci.Reference, image: Image, repository: str | None) -> ImagePin:
    if reference.transport != "docker-daemon":
        if repository is None and reference.transport == "docker":
            repository = _repository(reference.location)
        if repository is None:
            raise UsageError(
                f"`{reference}` is no place that engines pull from",
                hint="say with `--repository` where this image will be pushed, byte for byte",
            )
        return ImagePin(repository=repository, digest=image.digest)
    with Docker() as docker:
        known = {name.partition("@")[::2] for name in docker.repository_digests(reference.location)}
    wanted = repository or _repository(reference.location)
    for name, digest in sorted(known):
        if name == wanted:
            return ImagePin(repository=name, digest=Digest.parse(digest))
    if repository is not None:
        raise UsageError(
            f"the engine does not know `{reference.location}` from `{repository}`",
            hint=f"push it there first: `docker push {repository}`",
        )
    return ImagePin(digest=image.image_id)


def _repository(name: str) -> str:
    without_digest = name.partition("@")[0]
    head, slash, last = without_digest.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
