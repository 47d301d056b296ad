"""The decision about a pod: every image of it was verified, and nothing in the pod starts something else."""

import posixpath
import time
from collections.abc import Callable
from typing import Any

from caisson.admission.containers import PodContainer, containers
from caisson.admission.inject import Needs, patch
from caisson.admission.judge import API_PATIENCE, Judge
from caisson.admission.review import Decision, Review
from caisson.deploy import ImagePin, MeasuredImage
from caisson.errors import CaissonError, Rejected, Unavailable

_OVERRIDES = ("command", "args")
_HOOKS = ("postStart", "preStop")
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_OURS = "/.caisson"


class Gate:
    """Decides about pods. `beside` are images, each by its digest, that need not be confidential: an aesmd, a proxy.

    `clock` gives seconds. When no API server waits any longer, the images of a pod that are left are not looked at.
    """

    def __init__(
        self,
        judge: Judge,
        needs: Needs,
        *,
        beside: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._judge = judge
        self._needs = needs
        self._beside = beside
        self._clock = clock

    @classmethod
    def of(cls, judge: Judge, needs: Needs, *, beside: tuple[ImagePin, ...]) -> "Gate":
        """Make one of pins."""
        return cls(judge, needs, beside=frozenset(str(each) for each in beside))

    def mutate(self, review: Review) -> Decision:
        """Verify the images of a pod that is made, pin them, and add what it needs. A pod that runs is not changed."""
        if review.operation != "CREATE":
            return self.validate(review)
        return self._decide(review, lambda admitted: tuple(patch(review.pod, admitted, self._needs)))

    def validate(self, review: Review) -> Decision:
        """Verify once more, after everybody else has changed the pod: by now each image is pinned by a digest."""
        return self._decide(review, lambda _: (), pinned=True)

    def _decide(self, review: Review, then: Any, *, pinned: bool = False) -> Decision:
        try:
            admitted = self._admitted(review, pinned=pinned)
            return Decision(allowed=True, patch=then(admitted))
        except Unavailable as error:
            return Decision(allowed=False, status=503, message=f"caisson: no verdict: {error.message}")
        except CaissonError as error:
            return Decision(allowed=False, status=403, message=f"caisson: {error.message}")

    def _admitted(self, review: Review, *, pinned: bool) -> list[tuple[PodContainer, MeasuredImage]]:
        admitted: list[tuple[PodContainer, MeasuredImage]] = []
        reasons: list[str] = []
        until = self._clock() + API_PATIENCE
        for container in containers(review.pod):
            if self._clock() > until:
                raise Unavailable(f"the images of this pod take longer than {API_PATIENCE:g} seconds to verify")
            if container.image in self._beside:
                continue
            reasons += _overrides(container)
            if pinned and "@sha256:" not in container.image:
                reasons.append(f"the container `{container.name}`: `{container.image[:300]}` is not pinned by a digest")
                continue
            try:
                image = self._judge.judge(container.image)
            except Rejected as error:
                reasons.append(f"the container `{container.name}`: {error.message}")
            else:
                reasons += _commands(container, image)
                admitted.append((container, image))
        if reasons:
            raise Rejected("; ".join(reasons))
        return admitted


def _overrides(container: PodContainer) -> list[str]:
    """Name what would start, or show, something else than what was verified."""
    name, document = container.name, container.document
    found = [
        f"the container `{name}` sets `{field}`, and so would not start premain"
        for field in _OVERRIDES
        if document.get(field)
    ]
    for mount in _list(document.get("volumeMounts")):
        # As the kubelet and the runtime read it: from the root, and without `.`, `..` and empty segments.
        path = posixpath.normpath("/" + str(_table(mount).get("mountPath") or "").lstrip("/"))
        if path in ("/", _OURS) or path.startswith(f"{_OURS}/"):
            found.append(f"the container `{name}` mounts something over `{_OURS}`")
    return found


def _commands(container: PodContainer, image: MeasuredImage) -> list[str]:
    """Name what would be run beside the program; an image's own check of its health may be."""
    own = None if image.health is None else list(image.health.command)
    lifecycle = _table(container.document.get("lifecycle"))
    handlers: list[tuple[str, dict[str, Any], list[str] | None]] = [
        *((f"lifecycle.{hook}", _table(lifecycle.get(hook)), None) for hook in _HOOKS),
        *((probe, _table(container.document.get(probe)), own) for probe in _PROBES),
    ]
    return [
        f"the container `{container.name}` runs a command in `{place}` that is not the image's check of its health"
        for place, handler, allowed in handlers
        if handler.get("exec") is not None and (allowed is None or _table(handler["exec"]).get("command") != allowed)
    ]


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
