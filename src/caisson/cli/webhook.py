"""`caisson webhook`: images of pods are verified before the pods are."""

import logging
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from caisson import oci
from caisson.addresses import authority
from caisson.admission import (
    Cluster,
    ClusterAccess,
    FileCertificate,
    Gate,
    Installation,
    Judge,
    Needs,
    OwnCertificate,
    installation_files,
    serve,
)
from caisson.admission.certificate import with_authority
from caisson.admission.install import NAME
from caisson.admission.judge import MOST_BYTES, MOST_SECONDS
from caisson.cli.address import Address
from caisson.cli.deploy import output_option, write_files
from caisson.cli.deployment import PinType, SizeType
from caisson.cli.files import force_option, named, read_bytes
from caisson.cli.image_policy import read_image_policy
from caisson.cli.log import log_to_stderr
from caisson.cli.output import json_option, say
from caisson.cli.registry import registry_options
from caisson.deploy import Evidence, Flavour, HostAesmd, ImagePin, PlatformAddress, PlatformSocket
from caisson.errors import UsageError
from caisson.keyserver import listen
from caisson.oci.registry import RegistryName
from caisson.provenance import ImagePolicy

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_FILE = click.Path(dir_okay=False, path_type=Path)
_SECRET_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")

_NEEDS = (
    click.option("--flavour", type=click.Choice(get_args(Flavour)), required=True, help="Who gives pods the device."),
    click.option("--key-server", required=True, metavar="URL", help="Key server, as pods reach it."),
    click.option("--platform-socket", metavar="PATH", help="With `nodevice`: the software platform's socket on nodes."),
    click.option("--platform-address", type=Address(), help="With `nodevice`: the software platform's TCP address."),
    click.option(
        "--aesmd-directory", metavar="PATH", default="/var/run/aesmd", show_default=True, help="aesmd's, on nodes."
    ),
    click.option(
        "--beside", type=PinType(), multiple=True, help="Image that need not be confidential; may be repeated."
    ),
    click.option(
        "--registry",
        "registries",
        metavar="HOST[/PATH]",
        multiple=True,
        callback=lambda _context, _option, places: tuple(map(_place, places)),
        help="Ask no other registry for images; may be repeated.  [default: whichever a pod names]",
    ),
    click.option(
        "--largest-image",
        type=SizeType(),
        default=f"{MOST_BYTES >> 30}G",
        show_default=True,
        help="Refuse an image whose layers are larger together, packed or unpacked.",
    ),
    click.option(
        "--slowest-image",
        metavar="SECONDS",
        type=click.IntRange(1),
        default=MOST_SECONDS,
        show_default=True,
        help="How long a registry is waited for.",
    ),
)


def _place(text: str) -> str:
    """Check a registry, or a part of one, by the name that an image would have in it."""
    try:
        name = RegistryName.parse(f"{text}/x")
    except UsageError:
        name = None
    if name is None or not f"{name.host}/{name.repository}".startswith(f"{text}/"):
        raise UsageError(f"`{text}` is no registry", hint="write it like `registry.example` or `registry.example/team`")
    return text


def _needs_options(function: Any) -> Any:
    for option in reversed(_NEEDS):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Let pods into labelled namespaces only when their images were verified, and give them what they need."""


@command.command(
    name="serve",
    epilog="""\b
Example:
  caisson webhook serve --policy image-policy.toml --flavour intel-plain --key-server https://keys.example:8443 \\
      --name caisson-webhook.caisson-system.svc""",
)
@click.option("--listen", "address", metavar="HOST:PORT", default="0.0.0.0:8443", show_default=True, help="Where.")
@click.option("--policy", type=_FILE, required=True, help="Policy for images, as `caisson verify` takes it.")
@_needs_options
@click.option("--name", "names", multiple=True, help="What the API server calls us, for a certificate of our own.")
@click.option("--lifetime", type=click.IntRange(1), default=24 * 14, show_default=True, help="Its hours.")
@click.option("--tls-certificate", type=_FILE, help="Take a certificate that somebody else renews (PEM).")
@click.option("--tls-key", type=_FILE, help="Its key.")
@click.option(
    "--api-server", metavar="URL", default="https://kubernetes.default.svc", show_default=True, help="Its URL."
)
@click.option("--api-server-ca", type=_FILE, default=_ACCOUNT / "ca.crt", show_default=True, help="Its authority.")
@click.option("--token-file", type=_FILE, default=_ACCOUNT / "token", show_default=True, help="Our account's token.")
@registry_options
def serve_command(  # noqa: PLR0913 - one parameter for each option
    *,
    address: str,
    policy: Path,
    flavour: Flavour,
    key_server: str,
    platform_socket: str | None,
    platform_address: tuple[str, int] | None,
    aesmd_directory: str,
    beside: tuple[ImagePin, ...],
    registries: tuple[str, ...],
    largest_image: int,
    slowest_image: int,
    names: tuple[str, ...],
    lifetime: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    api_server: str,
    api_server_ca: Path,
    token_file: Path,
    access: oci.Access,
) -> None:
    """Answer the API server until SIGTERM or SIGINT.

    Without certificate files it makes a certificate of its own, puts its authority into the configurations that
    `caisson webhook install` writes, and renews both.
    """
    log_to_stderr()
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    evidence = _evidence(flavour, platform_socket, platform_address, aesmd_directory)
    judge = Judge(
        read_image_policy(policy),
        access,
        clock=time.monotonic,
        registries=registries,
        most_bytes=largest_image,
        most_seconds=slowest_image,
    )
    needs = Needs(flavour=flavour, key_server=key_server, evidence=evidence)
    certificate: OwnCertificate | FileCertificate
    if tls_certificate is not None and tls_key is not None:
        certificate = FileCertificate(tls_certificate, tls_key)
    elif tls_certificate is None and tls_key is None and names:
        cluster = Cluster(ClusterAccess(url=api_server, authority=api_server_ca, token=token_file))
        certificate = OwnCertificate(
            names,
            lambda pem, at: cluster.change_bundles(NAME, lambda bundle: with_authority(bundle, pem, at=at)),
            lifetime=timedelta(hours=lifetime),
        )
    else:
        raise UsageError("a certificate is needed", hint="give `--name`, or both `--tls-certificate` and `--tls-key`")
    listener = listen(address)
    host, port = listener.getsockname()[:2]
    gate = Gate.of(judge, needs, beside=beside)
    serve(gate, certificate, listener=listener, ready=lambda: click.echo(f"ready https://{authority(host, port)}"))
    say("stopped")


@command.command(
    epilog="""\b
Example:
  caisson webhook install --policy image-policy.toml --flavour intel-plain --key-server https://keys.example:8443 \\
      --image registry.example/caisson@sha256:… | kubectl apply --filename -"""
)
@click.option("--policy", type=_FILE, required=True, help="Policy for images, as `caisson verify` takes it.")
@_needs_options
@click.option("--namespace", default="caisson-system", show_default=True, help="Where it runs.")
@click.option("--image", type=PinType(), help="Image of `caisson`, to run the webhook in the cluster.")
@click.option("--tls-ca", type=_FILE, help="With `--image`: trust these authorities, too, of registries (PEM).")
@click.option(
    "--registry-secret",
    metavar="NAME",
    help="With `--image`: Secret of the namespace, of type kubernetes.io/dockerconfigjson, for registries.",
)
@click.option("--url", metavar="URL", help="Where the webhook runs, if it is outside of the cluster.")
@click.option("--timeout", type=click.IntRange(1, 30), default=30, show_default=True, help="Seconds to wait for it.")
@output_option
@force_option
@json_option
def install(  # noqa: PLR0913 - one parameter for each option
    *,
    policy: Path,
    flavour: Flavour,
    key_server: str,
    platform_socket: str | None,
    platform_address: tuple[str, int] | None,
    aesmd_directory: str,
    beside: tuple[ImagePin, ...],
    registries: tuple[str, ...],
    largest_image: int,
    slowest_image: int,
    namespace: str,
    image: ImagePin | None,
    tls_ca: Path | None,
    registry_secret: str | None,
    url: str | None,
    timeout: int,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write what a cluster needs to ask the webhook: nothing is changed.

    Label what it shall watch: `kubectl label namespace NAME org.caisson/admission=enforced`. While it does not answer,
    no pod gets into such a namespace.
    """
    if (image is None) == (url is None):
        raise UsageError("say where the webhook runs", hint="`--image` for in the cluster, or `--url` for outside")
    if image is None and (tls_ca is not None or registry_secret is not None):
        raise UsageError(
            "a webhook outside of the cluster is not given authorities or a Secret here",
            hint="give `--tls-ca` and `--auth-file` to `caisson webhook serve`",
        )
    if registry_secret is not None and _SECRET_NAME.fullmatch(registry_secret) is None:
        raise UsageError(f"`{registry_secret}` is no name of a Secret", hint="write it like `registry`, in lower case")
    evidence = _evidence(flavour, platform_socket, platform_address, aesmd_directory)
    arguments = ["--flavour", flavour, "--key-server", key_server]
    match evidence:
        case PlatformSocket(path=path):
            arguments += ["--platform-socket", path]
        case PlatformAddress():
            arguments += ["--platform-address", str(evidence)]
        case HostAesmd(directory=directory):
            arguments += ["--aesmd-directory", directory]
        case _:
            pass
    for pin in beside:
        arguments += ["--beside", str(pin)]
    for place in registries:
        arguments += ["--registry", place]
    arguments += ["--largest-image", str(largest_image), "--slowest-image", str(slowest_image)]
    raw = read_bytes(policy)
    with named(policy):
        ImagePolicy.parse(raw)
    installation = Installation(
        namespace=namespace,
        policy=raw.decode(),
        arguments=tuple(arguments),
        image=image,
        tls_ca=None if tls_ca is None else _certificates(tls_ca),
        registry_secret=registry_secret,
        url=url,
        timeout=timeout,
    )
    write_files(installation_files(installation), output, force=force, as_json=as_json)


def _certificates(path: Path) -> str:
    """Give the certificates of a file, and nothing else that lies in it: a key would stand in the ConfigMap."""
    try:
        found = x509.load_pem_x509_certificates(read_bytes(path))
    except ValueError as cause:
        raise UsageError(f"`{path}` holds no certificates in PEM form") from cause
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in found)


def _evidence(flavour: Flavour, socket: str | None, address: tuple[str, int] | None, aesmd_directory: str) -> Evidence:
    if flavour == "sidecar":
        raise UsageError(
            "the webhook adds no containers to pods", hint="deploy aesmd beside the program, or take another flavour"
        )
    if (flavour == "nodevice") != ((socket is None) != (address is None)):
        raise UsageError(
            "a software platform is for the flavour `nodevice`, which takes one",
            hint="name its socket or its address, not both",
        )
    if socket is not None:
        return PlatformSocket(path=socket)
    if address is not None:
        return PlatformAddress(host=address[0], port=address[1])
    return HostAesmd(directory=aesmd_directory)
