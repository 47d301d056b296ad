"""The loader: builds an enclave from a PAL and a manifest, as Gramine's does, on the software processor.

How such an enclave is laid out is not this package's business; the two functions that know it are handed in.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from caisson.errors import LaunchRejected, Malformed
from caisson.platform.cpu import Cpu, Enclave, measure
from caisson.platform.wire import bad_request
from caisson.sgx import Attributes, MrEnclave, SigStruct

_REMEMBERED = 256
# Enough for an enclave of 32 GiB, each page of which leaves 64 bytes.
_MAX_LOG = 2 << 30
# Measuring takes a whole core.
_MEASURING_AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    """What a PAL and a manifest come to, whoever signs it."""

    attributes: Attributes
    misc_select: int
    mr_enclave: MrEnclave


class Loader:
    """Measures and launches; remembers what it has built before by the SHA-256 of all bytes that it was made of.

    `construction_log` gives the pieces that ECREATE, EADD and EEXTEND hash for a PAL and a manifest, and
    `secs_attributes` ATTRIBUTES and MISCSELECT for a manifest; both raise `Malformed`.
    """

    def __init__(
        self,
        *,
        construction_log: Callable[[bytes, bytes], Iterable[bytes]],
        secs_attributes: Callable[[bytes], tuple[Attributes, int]],
    ) -> None:
        self._construction_log = construction_log
        self._secs_attributes = secs_attributes
        self._known: OrderedDict[bytes, _Built] = OrderedDict()
        self._lock = threading.Lock()
        self._measuring = threading.BoundedSemaphore(_MEASURING_AT_ONCE)

    def launch(self, cpu: Cpu, *, pal: memoryview, manifest: memoryview, sigstruct: memoryview) -> Enclave:
        """Build and initialise an enclave.

        Raises:
            LaunchRejected: EINIT refuses.
            PlatformRejected: no enclave can be built from these.
        """
        try:
            vouched = SigStruct.parse(bytes(sigstruct))
        except Malformed as cause:
            raise LaunchRejected("SGX_INVALID_SIGNATURE", cause.message) from cause
        try:
            built = self._build(pal, manifest)
        except Malformed as cause:
            raise bad_request(cause.message) from cause
        return cpu.initialise(
            attributes=built.attributes,
            misc_select=built.misc_select,
            mr_enclave=built.mr_enclave,
            sigstruct=vouched,
        )

    def _build(self, pal: memoryview, manifest: memoryview) -> _Built:
        name = sha256(pal).digest() + sha256(manifest).digest()
        if known := self._recall(name):
            return known
        attributes, misc_select = self._secs_attributes(bytes(manifest))
        with self._measuring:
            # Another container of the same image may have been first.
            if known := self._recall(name):
                return known
            mr_enclave = measure(_limited(self._construction_log(bytes(pal), bytes(manifest))))
            built = _Built(attributes=attributes, misc_select=misc_select, mr_enclave=mr_enclave)
            with self._lock:
                self._known[name] = built
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return built

    def _recall(self, name: bytes) -> _Built | None:
        with self._lock:
            if name in self._known:
                self._known.move_to_end(name)
            return self._known.get(name)


def _limited(log: Iterable[bytes]) -> Iterator[bytes]:
    left = _MAX_LOG
    for piece in log:
        left -= len(piece)
        if left < 0:
            raise Malformed(f"enclave is too large for the software platform: its log exceeds {_MAX_LOG} bytes")
        yield piece
