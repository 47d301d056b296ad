"""Collateral for verification, kept while it is fresh, so that a guest's start does not wait for the vendor."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from caisson.errors import CertificateRevoked, Expired, PolicyRejected, QeMismatch
from caisson.evidence import (
    Collateral,
    PlatformKind,
    Policy,
    VerifiedActivation,
    check_activation,
    platform_kind_of,
    verify_activation,
)
from caisson.protocol import ActivationEvidence

MOST_KEPT = 64
MOST_AGE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    collateral: Collateral
    fetched: datetime


class Collaterals:
    """A bounded cache in front of the provisioning service.

    `fetch` is asked only for a quote that carries all signatures up to a root of the policy, and is about this very
    attempt: forgeries, and quotes that were seen elsewhere, make nobody ask. Collateral is kept once it helped to judge
    such a quote.
    """

    def __init__(
        self,
        fetch: Callable[[bytes], Collateral],
        *,
        most_kept: int = MOST_KEPT,
        most_age: timedelta = MOST_AGE,
    ) -> None:
        self._fetch = fetch
        self._most_kept = most_kept
        self._most_age = most_age
        self._kept: OrderedDict[PlatformKind, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, evidence: ActivationEvidence, policy: Policy, *, at: datetime) -> VerifiedActivation:
        """Verify and appraise an activation; collateral that has expired in the cache is fetched once more.

        Raises:
            Rejected: the evidence is not genuine, not about these runtime data, or not acceptable.
            Unavailable: there is no collateral.
        """
        kind = platform_kind_of(evidence.quote)
        collateral = self._get(kind, at=at)
        if collateral is not None:
            try:
                return verify_activation(evidence, collateral, policy, at=at)
            except Expired:
                # New collateral may be there already.
                pass
        check_activation(evidence, roots=policy.roots, at=at)
        collateral = self._fetch(evidence.quote)
        try:
            verified = verify_activation(evidence, collateral, policy, at=at)
        except (PolicyRejected, CertificateRevoked, QeMismatch):
            # What it says holds, and speaks against this quote.
            self._keep(kind, collateral, at=at)
            raise
        self._keep(kind, collateral, at=at)
        return verified

    def _get(self, kind: PlatformKind, *, at: datetime) -> Collateral | None:
        with self._lock:
            kept = self._kept.get(kind)
            if kept is None or abs(at - kept.fetched) > self._most_age:
                return None
            self._kept.move_to_end(kind)
            return kept.collateral

    def _keep(self, kind: PlatformKind, collateral: Collateral, *, at: datetime) -> None:
        with self._lock:
            self._kept[kind] = _Kept(collateral=collateral, fetched=at)
            self._kept.move_to_end(kind)
            while len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
