"""Is it genuine, and do we want it? Verification without I/O; appraisal by a policy that accepts nothing by itself."""

from caisson.evidence.anatomy import Part, quote_anatomy, report_anatomy
from caisson.evidence.appraisal import Appraisal, appraise
from caisson.evidence.binding.activation import (
    VerifiedActivation,
    check_activation,
    check_own_activation,
    verify_activation,
    verify_certificate,
)
from caisson.evidence.binding.extension import evidence_extension, evidence_of
from caisson.evidence.binding.ra_tls import Claims, RaTlsEvidence
from caisson.evidence.binding.tls import VerifiedRaTls, quote_of, verify_peer, verify_ra_tls
from caisson.evidence.cases import Case, Expected, PolicyCases
from caisson.evidence.certificate import Certificate
from caisson.evidence.ear import EarSigner, VerifiedEar, verify_ear
from caisson.evidence.examine import Question, examine
from caisson.evidence.forms import EVIDENCE_FORMS, Evidence, EvidenceForm
from caisson.evidence.intel.cache import CollateralCache, Kept
from caisson.evidence.intel.checking import CheckedCollateral, check_collateral
from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.intel.named_pcks import MOST_PER_MINUTE, NamedPcks
from caisson.evidence.intel.path import parse_chain
from caisson.evidence.intel.pck import Fmspc, MemoryProtection, PceId, Pck, PlatformId
from caisson.evidence.intel.pcs import (
    INTEL_PCS,
    INTEL_ROOT_CRL,
    PckCa,
    PcsClient,
    PlatformKind,
    TcbChoice,
    TcbUpdate,
    Tee,
    platform_kind_of,
)
from caisson.evidence.intel.statements import Statement, Statements, statements_of
from caisson.evidence.intel.tcb_status import TcbStatus, TcbVerdict
from caisson.evidence.intel.verified import VerifiedQuote, VerifiedTd
from caisson.evidence.intel.verify import check_own_signatures, check_signatures, verify_intel_quote, verify_quote
from caisson.evidence.policy import (
    AnyPolicy,
    EnclaveRule,
    Policy,
    SnpPolicy,
    TdxPolicy,
    described,
    parse_policy,
    policy_schema,
)
from caisson.evidence.proposal import propose
from caisson.evidence.result import AttestationResult, policy_id
from caisson.evidence.roots import INTEL_SGX_ROOT, VENDOR_ROOTS, RootKey
from caisson.evidence.service import Answer, Service, web_client
from caisson.evidence.signed_list import SignedList
from caisson.evidence.trust_vector import Tier, TrustVector
from caisson.evidence.verified import VerifiedEvidence

__all__ = [
    "EVIDENCE_FORMS",
    "INTEL_PCS",
    "INTEL_ROOT_CRL",
    "INTEL_SGX_ROOT",
    "MOST_PER_MINUTE",
    "VENDOR_ROOTS",
    "Answer",
    "AnyPolicy",
    "Appraisal",
    "AttestationResult",
    "Case",
    "Certificate",
    "CheckedCollateral",
    "Claims",
    "Collateral",
    "CollateralCache",
    "EarSigner",
    "EnclaveRule",
    "Evidence",
    "EvidenceForm",
    "Expected",
    "Fmspc",
    "Kept",
    "MemoryProtection",
    "NamedPcks",
    "Part",
    "PceId",
    "Pck",
    "PckCa",
    "PcsClient",
    "PlatformId",
    "PlatformKind",
    "Policy",
    "PolicyCases",
    "Question",
    "RaTlsEvidence",
    "RootKey",
    "Service",
    "SignedList",
    "SnpPolicy",
    "Statement",
    "Statements",
    "TcbChoice",
    "TcbStatus",
    "TcbUpdate",
    "TcbVerdict",
    "TdxPolicy",
    "Tee",
    "Tier",
    "TrustVector",
    "VerifiedActivation",
    "VerifiedEar",
    "VerifiedEvidence",
    "VerifiedQuote",
    "VerifiedRaTls",
    "VerifiedTd",
    "appraise",
    "check_activation",
    "check_collateral",
    "check_own_activation",
    "check_own_signatures",
    "check_signatures",
    "described",
    "evidence_extension",
    "evidence_of",
    "examine",
    "parse_chain",
    "parse_policy",
    "platform_kind_of",
    "policy_id",
    "policy_schema",
    "propose",
    "quote_anatomy",
    "quote_of",
    "report_anatomy",
    "statements_of",
    "verify_activation",
    "verify_certificate",
    "verify_ear",
    "verify_intel_quote",
    "verify_peer",
    "verify_quote",
    "verify_ra_tls",
    "web_client",
]
