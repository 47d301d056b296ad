"""The containers of a pod, as somebody wrote them: anything may be missing, or of another type."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from caisson.errors import Malformed

_KINDS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodContainer:
    """One container, and where it stands in the pod."""

    kind: str
    index: int
    document: dict[str, Any]

    @property
    def path(self) -> str:
        """Where it is, as a JSON Pointer."""
        return f"/spec/{self.kind}/{self.index}"

    @property
    def name(self) -> str:
        """What it is called, for messages."""
        return str(self.document.get("name"))[:80]

    @property
    def image(self) -> str:
        """What it runs.

        Raises:
            Malformed: it does not say.
        """
        image = self.document.get("image")
        if not isinstance(image, str) or not image:
            raise Malformed(f"the container `{self.name}` names no image")
        return image


def containers(pod: dict[str, Any]) -> Iterator[PodContainer]:
    """Give every container of a pod, of all three kinds.

    Raises:
        Malformed: a list of containers is none.
    """
    for kind in _KINDS:
        found = pod["spec"].get(kind) or []
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise Malformed(f"`{kind}` is no list of containers")
        for index, document in enumerate(found):
            yield PodContainer(kind=kind, index=index, document=document)
