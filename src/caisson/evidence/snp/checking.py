"""SNP collateral by itself, without a report: does it hold, under which root, and until when?"""

from datetime import datetime

from caisson.evidence.roots import RootKey
from caisson.evidence.snp.collateral import SnpCollateral
from caisson.evidence.snp.endorsement import Endorsement, endorse


def check_snp_collateral(collateral: SnpCollateral, *, roots: frozenset[RootKey], at: datetime) -> Endorsement:
    """Check chain, roles, revocation list and times: all that can be checked before there is a report.

    Raises:
        Malformed: a part cannot be read.
        EvidenceRejected: a certificate, the revocation list or a time does not hold.
        UsageError: `at` has no time zone.
    """
    endorsement = endorse(collateral.vek, collateral.chain, collateral.crl, roots)
    endorsement.validities.require(at)
    return endorsement
