"""Is it genuine, and do we want it? Verification without I/O; appraisal by a policy that accepts nothing by itself."""

from caisson.evidence.activation import VerifiedActivation, verify_activation, verify_certificate
from caisson.evidence.appraisal import Appraisal, appraise
from caisson.evidence.certificate import Certificate
from caisson.evidence.collateral import Collateral
from caisson.evidence.extension import evidence_extension, evidence_of
from caisson.evidence.pck import Fmspc, MemoryProtection, PceId, Pck, PlatformId
from caisson.evidence.pcs import PckCa, PcsClient, PlatformKind, platform_kind_of
from caisson.evidence.policy import EnclaveRule, Policy
from caisson.evidence.ra_tls import Claims, RaTlsEvidence
from caisson.evidence.roots import INTEL_SGX_ROOT, RootKey
from caisson.evidence.tcb import TcbStatus, TcbVerdict
from caisson.evidence.tls import VerifiedRaTls, quote_of, verify_peer, verify_ra_tls
from caisson.evidence.verified import VerifiedQuote
from caisson.evidence.verify import verify_quote

__all__ = [
    "INTEL_SGX_ROOT",
    "Appraisal",
    "Certificate",
    "Claims",
    "Collateral",
    "EnclaveRule",
    "Fmspc",
    "MemoryProtection",
    "PceId",
    "Pck",
    "PckCa",
    "PcsClient",
    "PlatformId",
    "PlatformKind",
    "Policy",
    "RaTlsEvidence",
    "RootKey",
    "TcbStatus",
    "TcbVerdict",
    "VerifiedActivation",
    "VerifiedQuote",
    "VerifiedRaTls",
    "appraise",
    "evidence_extension",
    "evidence_of",
    "platform_kind_of",
    "quote_of",
    "verify_activation",
    "verify_certificate",
    "verify_peer",
    "verify_quote",
    "verify_ra_tls",
]
