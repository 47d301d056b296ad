"""`caisson upgrade`: from one release to the next."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click

from caisson import oci
from caisson.cli.deploy import write_all
from caisson.cli.files import force_option
from caisson.cli.output import emit, json_option
from caisson.cli.policies import read_enclave_policy
from caisson.cli.registry import registry_options
from caisson.conversion import verify_image
from caisson.deploy import (
    EnclaveIdentity,
    ImagePin,
    MeasuredImage,
    PlatformName,
    Step,
    Upgrade,
    compare,
    policy_files,
    steps,
)
from caisson.errors import PolicyRejected

_MOST_LISTED = 12
_SHORT = 60


@click.group()
def command() -> None:
    """Plan how one release of a program follows another."""


@command.command()
@click.argument("old")
@click.argument("new")
@click.option(
    "--policy",
    "policies",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Policy that is in force; may be repeated.",
)
@click.option("--name", help="Name of the deployment.  [default: the image's workload]")
@click.option(
    "--on",
    "platform",
    type=click.Choice(get_args(PlatformName)),
    default="run",
    show_default=True,
    help="Where it runs.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for the policies of the time in between, and after.",
)
@registry_options
@force_option
@json_option
def plan(  # noqa: PLR0913 - one parameter for each option
    *,
    old: str,
    new: str,
    policies: tuple[Path, ...],
    name: str | None,
    platform: PlatformName,
    output: Path | None,
    access: oci.Access,
    force: bool,
    as_json: bool,
) -> None:
    """Compare the images OLD and NEW; say what breaks, and in which order to go.

    Both are verified. Exits with 1 if NEW has a lower security version: what policies and sealing keys protect from
    is just that.

    \b
    Example:
      caisson upgrade plan caisson/redis:7.0 caisson/redis:7.1 --policy redis.policy.toml --on swarm --output upgrade
    """
    before, after = _identity(old, access), _identity(new, access)
    found = compare(before, after, {_stem(path): read_enclave_policy(path) for path in policies})
    written = policy_files(found)
    if output is not None:
        write_all(written, output, force=force)
    order = steps(found, name=name or after.image.workload, platform=platform, directory=str(output or "upgrade"))
    data: dict[str, Any] = {
        "changes": [asdict(change) for change in found.changes],
        "sealed": list(found.sealed),
        "policies": {verdict.name: list(verdict.reasons) for verdict in found.policies},
        "downgrade": found.downgrade,
        "steps": [asdict(step) for step in order],
    }
    emit(data, human=_human(found, order), as_json=as_json)
    if found.downgrade:
        raise PolicyRejected(
            (f"security version {after.isv_svn} is lower than {before.isv_svn}",),
            hint="release the old program anew, with a higher `isv_svn`",
        )


def _stem(path: Path) -> str:
    return path.name.removesuffix(".toml").removesuffix(".policy")


def _identity(reference: str, access: oci.Access) -> EnclaveIdentity:
    with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
        image = oci.source(oci.Reference.parse(reference), access).read(scratch=Path(directory))
        verified = verify_image(image)
        return EnclaveIdentity(
            image=MeasuredImage.of(ImagePin(digest=image.digest), verified.manifest, image.config.run),
            manifest=verified.manifest,
            mr_enclave=verified.mr_enclave,
            mr_signer=verified.mr_signer,
        )


def _human(upgrade: Upgrade, order: tuple[Step, ...]) -> str:
    lines = ["what changes"] if upgrade.changes else ["nothing changes: it is the same image"]
    lines += [
        f"  {change.what}: {_short(change.old)} → {_short(change.new)}" for change in upgrade.changes[:_MOST_LISTED]
    ]
    if len(upgrade.changes) > _MOST_LISTED:
        lines.append(f"  and {len(upgrade.changes) - _MOST_LISTED} more: see --json")
    lines.append("what breaks")
    broken = [f"  policy `{v.name}` refuses it: {reason}" for v in upgrade.policies for reason in v.reasons]
    broken += [f"  data in `{path}` is sealed to the old release" for path in upgrade.sealed]
    lines += broken or ["  nothing that is known here"]
    lines += ["what to do"] if order else []
    for number, step in enumerate(order, start=1):
        lines.append(f"  {number}. {step.what}")
        if step.command is not None:
            lines.append(f"       {step.command}")
    return "\n".join(lines)


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"
