"""Is it genuine, and do we want it? Verification without I/O; appraisal by a policy that accepts nothing by itself."""

from caisson.evidence.collateral import Collateral
from caisson.evidence.pck import Fmspc, MemoryProtection, PceId, Pck, PlatformId
from caisson.evidence.roots import INTEL_SGX_ROOT, RootKey
from caisson.evidence.tcb import TcbStatus, TcbVerdict
from caisson.evidence.verified import VerifiedQuote
from caisson.evidence.verify import verify_quote

__all__ = [
    "INTEL_SGX_ROOT",
    "Collateral",
    "Fmspc",
    "MemoryProtection",
    "PceId",
    "Pck",
    "PlatformId",
    "RootKey",
    "TcbStatus",
    "TcbVerdict",
    "VerifiedQuote",
    "verify_quote",
]
