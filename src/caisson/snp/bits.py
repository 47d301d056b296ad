"""The bit fields of an attestation report (AMD SEV-SNP Firmware ABI Specification, 56860)."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Self

from caisson.errors import Malformed

_KEY_INFO_BITS = 0x1F


class PolicyFlags(IntFlag):
    """The named bits of a guest's POLICY above the ABI version; bit 17 is reserved and always set."""

    SMT = 1 << 16
    RESERVED_ONE = 1 << 17
    MIGRATE_MA = 1 << 18
    DEBUG = 1 << 19
    SINGLE_SOCKET = 1 << 20
    CXL_ALLOW = 1 << 21
    MEM_AES_256_XTS = 1 << 22
    RAPL_DIS = 1 << 23
    CIPHERTEXT_HIDING = 1 << 24
    PAGE_SWAP_DISABLE = 1 << 25


_KNOWN_POLICY = 0xFFFF | sum(PolicyFlags)


class PlatformFlags(IntFlag):
    """The named bits of PLATFORM_INFO; bit 6 is set by Turin only."""

    SMT_EN = 1 << 0
    TSME_EN = 1 << 1
    ECC_EN = 1 << 2
    RAPL_DIS = 1 << 3
    CIPHERTEXT_HIDING_EN = 1 << 4
    ALIAS_CHECK_COMPLETE = 1 << 5
    IOMMU_WRITE_SAFE = 1 << 6
    TIO_EN = 1 << 7


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestPolicy:
    """POLICY: under which conditions the guest agreed to run; 64 bits."""

    bits: int

    @property
    def debug(self) -> bool:
        """Whether the host may decrypt the guest's memory."""
        return bool(self.bits & PolicyFlags.DEBUG)

    @property
    def migratable(self) -> bool:
        """Whether a migration agent may carry the guest elsewhere."""
        return bool(self.bits & PolicyFlags.MIGRATE_MA)

    @property
    def cxl(self) -> bool:
        """Whether the guest may have memory or devices on CXL."""
        return bool(self.bits & PolicyFlags.CXL_ALLOW)

    @property
    def smt(self) -> bool:
        """Whether the guest runs on cores that share their resources between threads."""
        return bool(self.bits & PolicyFlags.SMT)

    @property
    def well_formed(self) -> bool:
        """Whether the reserved bits have the values that the firmware gives them."""
        return bool(self.bits & PolicyFlags.RESERVED_ONE) and not self.bits & ~_KNOWN_POLICY


class SigningKey(IntEnum):
    """Which key signed a report; the other five values are reserved."""

    VCEK = 0
    VLEK = 1
    NONE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """The key that signed the report, and what was known of the guest's author; 32 bits."""

    signing_key: SigningKey
    mask_chip_key: bool
    author_key: bool

    @classmethod
    def of(cls, bits: int) -> Self:
        """Read the bits.

        Raises:
            Malformed: a reserved bit is set, or the key is of a reserved kind.
        """
        if bits & ~_KEY_INFO_BITS:
            raise Malformed(f"report has key information {bits:#x}, of which only bits 0 to 4 are known")
        try:
            signing_key = SigningKey(bits >> 2)
        except ValueError as cause:
            raise Malformed(f"report is signed by a key of kind {bits >> 2}, which does not exist") from cause
        return cls(signing_key=signing_key, mask_chip_key=bool(bits & 2), author_key=bool(bits & 1))

    @property
    def bits(self) -> int:
        """The 32 bits."""
        return self.signing_key << 2 | self.mask_chip_key << 1 | self.author_key
