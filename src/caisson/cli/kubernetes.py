"""What only Kubernetes wants to know of a deployment, on the command line."""

from collections.abc import Callable
from typing import Any, get_args

import click

from caisson.cli.address import MAX_PORT
from caisson.cli.deployment import PinType, SizeType, deployment_of
from caisson.deploy import Deployment, Flavour, ImagePin, KubernetesOptions

_OPTIONS = (
    click.option(
        "--flavour",
        type=click.Choice(get_args(Flavour)),
        required=True,
        help="Who gives pods the device: Intel's plugin with or without its webhook, AKS, or the plugin and an aesmd "
        "beside the program; `nodevice` is a software platform.",
    ),
    click.option("--storage", type=SizeType(), default="1G", show_default=True, help="What each volume claims."),
    click.option(
        "--egress",
        type=click.IntRange(1, MAX_PORT),
        multiple=True,
        help="TCP port to which it may connect; repeatable.",
    ),
    click.option("--platform-image", type=PinType(), help="Image of `caisson`, to run the software platform on nodes."),
)


def kubernetes_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `kubernetes_of` takes besides a deployment's."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def kubernetes_of(
    *, flavour: Flavour, storage: int, egress: tuple[int, ...], platform_image: ImagePin | None, **deployment: Any
) -> tuple[Deployment, KubernetesOptions]:
    """Verify the image, and describe its deployment on Kubernetes as the options have it.

    Raises:
        ImageRejected: it is not a confidential image, or it was changed.
        UsageError: options that do not fit it, or each other.
    """
    options = KubernetesOptions(flavour=flavour, storage=storage, egress=egress, platform_image=platform_image)
    return deployment_of(**deployment), options
