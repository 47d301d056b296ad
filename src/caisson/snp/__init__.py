"""SEV-SNP structures: bytes to frozen dataclasses and back, exactly. No I/O, no cryptography."""

from caisson.snp.bits import GuestPolicy, KeyInfo, PlatformFlags, PolicyFlags, SigningKey
from caisson.snp.fixed import ChipId, FamilyId, HostData, ImageId, KeyDigest, Measurement, ReportId
from caisson.snp.report import ECDSA_P384_SHA384, FirmwareVersion, Mitigations, Report, Signature
from caisson.snp.tcb import Cpuid, Product, TcbComponents, TcbVersion

__all__ = [
    "ECDSA_P384_SHA384",
    "ChipId",
    "Cpuid",
    "FamilyId",
    "FirmwareVersion",
    "GuestPolicy",
    "HostData",
    "ImageId",
    "KeyDigest",
    "KeyInfo",
    "Measurement",
    "Mitigations",
    "PlatformFlags",
    "PolicyFlags",
    "Product",
    "Report",
    "ReportId",
    "Signature",
    "SigningKey",
    "TcbComponents",
    "TcbVersion",
]
