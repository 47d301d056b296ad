"""SEV-SNP: the argument that a report is genuine, from AMD's root to the report's signature."""

from caisson.evidence.roots import AMD_GENOA_ROOT, AMD_MILAN_ROOT, AMD_ROOTS, AMD_TURIN_ROOT
from caisson.evidence.snp.checking import check_snp_collateral
from caisson.evidence.snp.collateral import SnpCollateral
from caisson.evidence.snp.kds import AMD_KDS, KdsClient
from caisson.evidence.snp.verified import VerifiedSnpReport
from caisson.evidence.snp.verify import verify_snp

__all__ = [
    "AMD_GENOA_ROOT",
    "AMD_KDS",
    "AMD_MILAN_ROOT",
    "AMD_ROOTS",
    "AMD_TURIN_ROOT",
    "KdsClient",
    "SnpCollateral",
    "VerifiedSnpReport",
    "check_snp_collateral",
    "verify_snp",
]
