"""Starting a confidential image on an engine: what it needs from outside, and what its end means."""

from dataclasses import dataclass
from pathlib import Path

from caisson.conversion import TMPFS_LABEL
from caisson.engine import Bind, ContainerSpec, Docker, Publish
from caisson.errors import Rejected, Unavailable, UsageError

PLATFORM_SOCKET = "/run/caisson/platform.sock"
LABEL = "org.caisson.workload"
_UNAVAILABLE = 93  # docs/reference/premain.md
_STEPS = range(81, 100)
_MOST_WORDS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where an image shall run, and whom it talks to. None of this is trusted, all of it is checked by premain."""

    image: str
    name: str
    workload: str | None
    key_server: str
    platform_socket: Path
    publish: tuple[Publish, ...] = ()
    volumes: dict[str, str] | None = None

    def start(self, docker: Docker) -> str:
        """Start the container; give its id. Volumes that are not named get a name of their own.

        Raises:
            UsageError: no such image, one that is not confidential, or no such volume; or the name is taken.
            Unavailable: the engine does not answer.
        """
        config = docker.image_config(self.image)
        labels = config.get("Labels") or {}
        if TMPFS_LABEL not in labels:
            raise UsageError(
                f"`{self.image}` is not a confidential image", hint="make one of it with `caisson build`, and run that"
            )
        owner = _owner(config.get("User") or "0:0")
        paths = sorted(config.get("Volumes") or {})
        environment = {"CAISSON_KEY_SERVER": self.key_server}
        if self.workload is not None:
            environment["CAISSON_WORKLOAD"] = self.workload
        # Only a hint: if it is wrong, premain finds no tmpfs, says so, and ends.
        tmpfs = tuple(path for path in labels[TMPFS_LABEL].split(",") if path)
        named = self.volumes or {}
        for path in named:
            if path not in paths:
                raise UsageError(
                    f"the image has no volume `{path}`",
                    hint=f"it has: {', '.join(f'`{known}`' for known in paths) or 'none'}",
                )
        volumes = tuple(
            Bind(source=named.get(path, f"caisson-{self.name}{path.replace('/', '-')}"), target=path) for path in paths
        )
        return docker.run(
            ContainerSpec(
                image=self.image,
                name=self.name,
                environment=environment,
                tmpfs=tmpfs,
                owner=owner,
                binds=(Bind(source=str(self.platform_socket.absolute()), target=PLATFORM_SOCKET), *volumes),
                publish=self.publish,
                labels={LABEL: self.workload or ""},
            )
        )


def _owner(text: str) -> tuple[int, int]:
    user, _, group = text.partition(":")
    try:
        return int(user), int(group or 0)
    except ValueError:
        raise UsageError(f"the image's user `{text}` is not numeric", hint="build it with `caisson build`") from None


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
