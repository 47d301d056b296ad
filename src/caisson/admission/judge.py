"""Whether an image may run: verified from its bytes alone, appraised, and remembered by its digest."""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from caisson import oci
from caisson.conversion import verify_image
from caisson.deploy import ImagePin, MeasuredImage
from caisson.errors import Rejected, UsageError
from caisson.oci.registry import RegistryName
from caisson.provenance import ImagePolicy, appraise

_MOST_VERDICTS = 1024
_SECONDS = 3600.0  # after which what is attached to an image is looked at again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    until: float
    image: MeasuredImage | None
    refusal: str


class Judge:
    """Verifies images where they are, in registries. `clock` gives seconds.

    `registries`, each `HOST` or `HOST/PATH`, are the only ones that are asked; with none, whoever makes a pod chooses
    whom we ask, and how long all others wait.

    A verdict holds for a digest under the one policy, and for an hour; where none was reached, none is remembered.
    Images are verified one at a time: a question that waits too long is answered by the API server, with no.
    """

    def __init__(
        self, policy: ImagePolicy, access: oci.Access, *, clock: Callable[[], float], registries: tuple[str, ...] = ()
    ) -> None:
        self._policy = policy
        self._registries = registries
        self._access = access
        self._clock = clock
        self._verdicts: OrderedDict[str, _Verdict] = OrderedDict()
        self._work = threading.Lock()

    def judge(self, image: str) -> MeasuredImage:
        """Give an accepted image, pinned by the digest of what was verified.

        Raises:
            Rejected: it is not accepted, or is no name of an image.
            Unavailable: no verdict could be reached.
        """
        try:
            name = RegistryName.parse(image)
        except UsageError as error:
            raise Rejected(error.message) from None
        if self._registries and not any(_is_in(name, place) for place in self._registries):
            raise Rejected(f"it is not in {' or '.join(f'`{place}`' for place in self._registries)}")
        with self._work:
            key = f"{name.host}/{name.repository}@{self._resolve(name)}"
            verdict = self._verdicts.get(key)
            if verdict is None or verdict.until < self._clock():
                verdict = self._verify(key)
                self._remember(key, verdict)
        if verdict.image is None:
            raise Rejected(verdict.refusal)
        return verdict.image

    def _resolve(self, name: RegistryName) -> oci.Digest:
        with oci.open_reader(oci.Reference.parse(f"docker://{name}"), self._access, scratch=Path()) as (reader, what):
            found = reader.find(what)
        if found is None:
            raise Rejected(f"the registry has no `{name}`")
        return found[0].digest

    def _verify(self, pinned: str) -> _Verdict:
        until = self._clock() + _SECONDS
        reference = oci.Reference.parse(f"docker://{pinned}")
        with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
            scratch = Path(directory)
            try:
                found = oci.source(reference, self._access).read(scratch=scratch)
                verified = verify_image(found)
                appraise(self._policy, reference, found, verified, access=self._access, scratch=scratch)
                pin = ImagePin(repository=pinned.partition("@")[0], digest=found.digest)
                measured = MeasuredImage.of(pin, verified.manifest, found.config.run)
            except (Rejected, UsageError) as error:
                return _Verdict(until=until, image=None, refusal=error.message)
        return _Verdict(until=until, image=measured, refusal="")

    def _remember(self, key: str, verdict: _Verdict) -> None:
        self._verdicts[key] = verdict
        self._verdicts.move_to_end(key)
        while len(self._verdicts) > _MOST_VERDICTS:
            self._verdicts.popitem(last=False)


def _is_in(name: RegistryName, place: str) -> bool:
    return f"{name.host}/{name.repository}/".startswith(f"{place}/")
