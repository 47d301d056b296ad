"""Collateral by itself, without a quote: does it hold, under which root, and until when?"""

from dataclasses import dataclass
from datetime import datetime

from caisson.errors import UntrustedRoot
from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.intel.path import parse_chain
from caisson.evidence.intel.tcb import SGX, TDX
from caisson.evidence.intel.trusted import TrustedCollateral, trust
from caisson.evidence.roots import RootKey
from caisson.evidence.signed_json import Fields
from caisson.evidence.validity import Validities


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCollateral:
    """Collateral whose every part `root` stands behind, whenever the clock is inside `validities`."""

    trusted: TrustedCollateral
    root: RootKey
    validities: Validities


def check_collateral(collateral: Collateral, *, roots: frozenset[RootKey], at: datetime) -> CheckedCollateral:
    """Check chains, revocation lists, signatures and times: all that can be checked before there is a quote.

    Raises:
        Malformed: a part cannot be read.
        EvidenceRejected: a chain, revocation list, signature or time does not hold.
        UsageError: `at` has no time zone.
    """
    # The last certificate names the root; whether it is it, and whether the chain holds, `trust` finds out.
    anchors = {certificate.root_key for certificate in parse_chain(collateral.pck_crl_issuer_chain)} & roots
    if not anchors:
        raise UntrustedRoot(
            "collateral is under none of the roots that are accepted",
            hint="name its root only if you trust who holds its key",
        )
    root = anchors.pop()
    trusted = trust(collateral, root, _tee(collateral))
    validities = Validities.of(trusted.validities)
    validities.require(at)
    return CheckedCollateral(trusted=trusted, root=root, validities=validities)


def _tee(collateral: Collateral) -> str:
    """Say what the collateral claims to be for; whether it is, its signatures say."""
    return TDX if Fields.parse(collateral.tcb_info, what="TCB info").value.get("id") == TDX else SGX
