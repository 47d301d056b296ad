"""Collateral for verification, kept while it is fresh, so that a guest's start does not wait for the vendor."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from caisson.errors import CertificateRevoked, Expired, PolicyRejected, QeMismatch
from caisson.evidence import (
    Collateral,
    NamedPcks,
    PlatformKind,
    Policy,
    VerifiedActivation,
    check_activation,
    check_own_activation,
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
    such a quote. `pcks` has the chains for quotes that only name their PCK; without it they are refused.
    """

    def __init__(
        self,
        fetch: Callable[[PlatformKind], Collateral],
        *,
        pcks: NamedPcks | None = None,
        most_kept: int = MOST_KEPT,
        most_age: timedelta = MOST_AGE,
    ) -> None:
        self._fetch = fetch
        self._pcks = pcks
        self._most_kept = most_kept
        self._most_age = most_age
        self._kept: OrderedDict[PlatformKind, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def verify(
        self, evidence: ActivationEvidence, policy: Policy, *, at: datetime, client: Hashable = None
    ) -> VerifiedActivation:
        """Verify and appraise an activation; collateral that has expired in the cache is fetched once more.

        Raises:
            Rejected: the evidence is not genuine, not about these runtime data, or not acceptable.
            TooMany: too many certificates of PCKs were asked for, by this client or by all.
            Unavailable: there is no collateral.
        """
        if self._pcks is None:
            return self._verify(evidence, policy, None, at=at)
        chain = self._pcks.get(evidence.quote, client=client, check=lambda: check_own_activation(evidence))
        verified = self._verify(evidence, policy, chain, at=at)
        self._pcks.keep(evidence.quote)
        return verified

    def _verify(
        self, evidence: ActivationEvidence, policy: Policy, chain: bytes | None, *, at: datetime
    ) -> VerifiedActivation:
        kind = platform_kind_of(evidence.quote, chain)
        collateral = self._get(kind, at=at)
        if collateral is not None:
            try:
                return verify_activation(evidence, _with(chain, collateral), policy, at=at)
            except Expired:
                # New collateral may be there already.
                pass
        check_activation(evidence, roots=policy.roots, at=at, chain=chain)
        collateral = self._fetch(kind)
        try:
            verified = verify_activation(evidence, _with(chain, collateral), policy, at=at)
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


def _with(chain: bytes | None, collateral: Collateral) -> Collateral:
    return replace(collateral, pck_certificate_chain=chain)
