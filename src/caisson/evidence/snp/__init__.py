"""SEV-SNP: the argument that a report is genuine, from AMD's root to the report's signature."""

from caisson.evidence.snp.roots import AMD_GENOA_ROOT, AMD_MILAN_ROOT, AMD_ROOTS, AMD_TURIN_ROOT
from caisson.evidence.snp.verified import VerifiedSnpReport
from caisson.evidence.snp.verify import verify_snp

__all__ = [
    "AMD_GENOA_ROOT",
    "AMD_MILAN_ROOT",
    "AMD_ROOTS",
    "AMD_TURIN_ROOT",
    "VerifiedSnpReport",
    "verify_snp",
]
