"""What verification establishes, of whichever vendor."""

from caisson.evidence.intel.verified import VerifiedQuote, VerifiedTd
from caisson.evidence.snp.verified import VerifiedSnpReport

VerifiedEvidence = VerifiedQuote | VerifiedTd | VerifiedSnpReport
