"""Whether an image may run: verified from its bytes alone, appraised, and remembered by its digest."""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from caisson import oci
from caisson.conversion import verify_image
from caisson.deploy import ImagePin, MeasuredImage
from caisson.errors import Rejected, Unavailable, UsageError
from caisson.oci.registry import RegistryName
from caisson.provenance import ImagePolicy, appraise

_MOST_VERDICTS = 1024
_SECONDS = 3600.0  # after which what is attached to an image is looked at again

MOST_BYTES, MOST_SECONDS = 8 << 30, 600
API_PATIENCE = 30.0  # seconds: the longest timeout that a webhook may have (admissionregistration.k8s.io/v1)


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
    Images are verified one at a time, and a question waits as long for its turn as any API server waits for an answer.
    So that none takes all time or space, an image has at most `most_bytes` of layers, packed and unpacked, and as many
    with what is attached to it; and it is read within `most_seconds`.
    """

    def __init__(
        self,
        policy: ImagePolicy,
        access: oci.Access,
        *,
        clock: Callable[[], float],
        registries: tuple[str, ...] = (),
        most_bytes: int = MOST_BYTES,
        most_seconds: int = MOST_SECONDS,
    ) -> None:
        self._policy = policy
        self._registries = registries
        self._access = replace(access, limits=replace(access.limits, size=most_bytes))
        self._most_bytes, self._most_seconds = most_bytes, most_seconds
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
        if not self._work.acquire(timeout=API_PATIENCE):
            raise Unavailable("other images are being verified", hint="try again later")
        try:
            verdict = self._verdict(name)
        finally:
            self._work.release()
        if verdict.image is None:
            raise Rejected(verdict.refusal)
        return verdict.image

    def _verdict(self, name: RegistryName) -> _Verdict:
        allowance = oci.Allowance(
            self._most_bytes, what="and what is attached to it have", seconds=self._most_seconds, clock=self._clock
        )
        access = replace(self._access, allowance=allowance)
        key = f"{name.host}/{name.repository}@{self._resolve(name, access)}"
        verdict = self._verdicts.get(key)
        if verdict is None or verdict.until < self._clock():
            verdict = self._verify(key, access)
            self._remember(key, verdict)
        return verdict

    @staticmethod
    def _resolve(name: RegistryName, access: oci.Access) -> oci.Digest:
        with oci.open_reader(oci.Reference.parse(f"docker://{name}"), access, scratch=Path()) as (reader, what):
            found = reader.find(what)
        if found is None:
            raise Rejected(f"the registry has no `{name}`")
        return found[0].digest

    def _verify(self, pinned: str, access: oci.Access) -> _Verdict:
        until = self._clock() + _SECONDS
        reference = oci.Reference.parse(f"docker://{pinned}")
        with tempfile.TemporaryDirectory(prefix="caisson-") as directory:
            scratch = Path(directory)
            try:
                found = oci.source(reference, access).read(scratch=scratch)
                verified = verify_image(found)
                appraise(self._policy, reference, found, verified, access=access, scratch=scratch)
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
