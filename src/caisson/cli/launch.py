"""Starting a confidential image on an engine, and what its end means."""

from caisson.cli.output import say
from caisson.cli.published import warn_of_undeclared_ports
from caisson.conversion import PREMAIN, TMPFS_LABEL
from caisson.deploy import Companion, Deployment, ImagePin, MeasuredImage, Volume, application, create_request
from caisson.engine import Docker
from caisson.errors import Rejected, Unavailable, UsageError
from caisson.oci import Digest

_UNAVAILABLE = 93  # docs/reference/premain.md
_STEPS = range(81, 100)
_MOST_WORDS = 400


def direct_warning() -> None:
    """Say what an image for Gramine is without SGX, and which of the engine's protections it goes without."""
    say("warning: this is gramine-direct: there is no enclave, and nothing is protected", style="bold yellow")
    say(
        "it runs without Docker's filter of system calls (`seccomp=unconfined`), which refuses the one with which it"
        " turns off the randomisation of addresses; the key of encrypted mounts is one that everybody knows",
    )


def described(docker: Docker, reference: str) -> MeasuredImage:
    """Describe an image that the engine holds, by what it says of itself: premain checks all of it.

    Raises:
        UsageError: no such image, or one that is not confidential.
        Unavailable: the engine does not answer.
    """
    pin = ImagePin(digest=Digest.parse(docker.image_id(reference)))
    try:
        return MeasuredImage.described(pin, docker.image_config(reference), tmpfs_label=TMPFS_LABEL, premain=PREMAIN)
    except UsageError as error:
        raise UsageError(f"`{reference}`: {error.message}", hint=error.hint) from None


def start(docker: Docker, deployment: Deployment, *, companion: Companion | None = None) -> str:
    """Start the one container of a deployment; give its id. A companion is marked as one, and has its alias.

    Raises:
        UsageError: the name is taken, or the engine refuses; or data lies in a volume that may be this container's.
        Unavailable: the engine does not answer.
    """
    warn_of_undeclared_ports(deployment)
    for volume in deployment.volumes_of(deployment.name):
        _refuse_forgetting(docker, volume)
    return docker.run(deployment.name, create_request(application(deployment), companion=companion))


def _refuse_forgetting(docker: Docker, volume: Volume) -> None:
    """Refuse to begin with an empty volume where an earlier version may have left data in one of another name."""
    if volume.former is None or not docker.has_volume(volume.former) or docker.has_volume(volume.name):
        return
    raise UsageError(
        f"`{volume.path}` is now kept in the volume `{volume.name}`, and there is one with the name that earlier"
        f" versions gave it: `{volume.former}`, which may be another container's, too",
        hint=f"to begin with an empty one, `docker volume create {volume.name}`; to go on with what is in the other,"
        " copy it: docs/reference/deploy.md says how",
    )


def require_success(status: int, output: str) -> None:
    """Turn the end of a container into an error, if it was none.

    Raises:
        Unavailable: activation found nobody to decide.
        Rejected: activation was refused, or the program failed.
    """
    if status == 0:
        return
    lines = [line for line in output.strip().splitlines() if line.startswith("caisson premain:")]
    if status not in _STEPS or not lines:
        words = [line.strip() for line in output.splitlines() if line.strip()]
        last = f"its last words: {words[-1][:_MOST_WORDS]}" if words else "it said nothing"
        raise Rejected(f"the program ended with status {status}", hint=last)
    hint = next((line.partition("hint: ")[2] for line in lines if "hint: " in line), None)
    said = next((line for line in lines if "error: " in line), lines[-1]).removeprefix("caisson premain: ")
    kind = Unavailable if status == _UNAVAILABLE else Rejected
    raise kind(f"activation ended with status {status}: {said}", hint=hint or None)
