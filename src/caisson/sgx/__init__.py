"""SGX structures: bytes to frozen dataclasses and back, exactly. No I/O, no cryptography but hashes that are names."""

from caisson.abi import ReportData
from caisson.sgx.attributes import Attributes, Flags
from caisson.sgx.certification import CertificationKind, PckIdentity
from caisson.sgx.fixed import CpuSvn, MrEnclave, MrSigner
from caisson.sgx.keyrequest import KeyName, KeyPolicy, KeyRequest
from caisson.sgx.parts import QuoteParts, without_padding
from caisson.sgx.quote import (
    ECDSA_P256,
    INTEL_QE_VENDOR,
    CertificationData,
    QeSignature,
    Quote,
    QuoteHeader,
)
from caisson.sgx.quote4 import (
    TEE_SGX,
    TEE_TDX,
    BodyKind,
    Quote4,
    TdBodyBytes,
    parse_quote,
)
from caisson.sgx.report import Report, ReportBody
from caisson.sgx.sigstruct import SigStruct
from caisson.sgx.targetinfo import TargetInfo
from caisson.sgx.voucher import Voucher

__all__ = [
    "ECDSA_P256",
    "INTEL_QE_VENDOR",
    "TEE_SGX",
    "TEE_TDX",
    "Attributes",
    "BodyKind",
    "CertificationData",
    "CertificationKind",
    "CpuSvn",
    "Flags",
    "KeyName",
    "KeyPolicy",
    "KeyRequest",
    "MrEnclave",
    "MrSigner",
    "PckIdentity",
    "QeSignature",
    "Quote",
    "Quote4",
    "QuoteHeader",
    "QuoteParts",
    "Report",
    "ReportBody",
    "ReportData",
    "SigStruct",
    "TargetInfo",
    "TdBodyBytes",
    "Voucher",
    "parse_quote",
    "without_padding",
]
