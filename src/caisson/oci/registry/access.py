"""How registries are reached: what a user may choose."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from caisson.oci.limits import DEFAULT, Allowance, Limits
from caisson.oci.progress import SILENT, Progress
from caisson.oci.registry.retry import Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Trust, credentials, patience and progress.

    `tls_ca` is a PEM file whose roots are trusted besides the system's; `auth_file` is in the form of Docker's
    `config.json`, and replaces the usual ones. Plain HTTP is spoken with this machine only, unless
    `insecure_plain_http`. `workers` is how many blobs travel at once; a blob is uploaded in pieces of `chunk` bytes.
    `transport` takes the network's place in tests. `limits` are for each image, `allowance` for all that is received.
    """

    tls_ca: Path | None = None
    auth_file: Path | None = None
    insecure_plain_http: bool = False
    workers: int = 4
    chunk: int = 64 << 20
    retry: Retry = field(default_factory=lambda: Retry(sleep=time.sleep, jitter=random.random))
    clock: Callable[[], float] = time.monotonic
    progress: Progress = SILENT
    transport: httpx2.BaseTransport | None = None
    limits: Limits = DEFAULT
    allowance: Allowance | None = None

    def receive(self, size: int = 0) -> None:
        """Take received bytes off the allowance, if there is one; see `Allowance`."""
        if self.allowance is not None:
            self.allowance.spend(size)


DEFAULT_ACCESS = Access()
