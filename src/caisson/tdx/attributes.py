"""TD ATTRIBUTES: what a trust domain may do (Intel TDX Module ABI Specification, ATTRIBUTES)."""

from enum import IntFlag

from caisson.abi import FixedBytes

_UNDER_DEBUG = 0xFF


class TdFlags(IntFlag):
    """The named bits of ATTRIBUTES."""

    DEBUG = 1 << 0
    LASS = 1 << 27
    SEPT_VE_DISABLE = 1 << 28
    MIGRATABLE = 1 << 29
    PKS = 1 << 30
    KL = 1 << 31
    PERFMON = 1 << 63


class TdAttributes(FixedBytes):
    """Eight bytes, little-endian: bits 7:0 say whether the domain can be trusted at all, 31:8 bear on its security."""

    __slots__ = ()
    SIZE = 8

    @property
    def flags(self) -> int:
        """All 64 bits."""
        return int.from_bytes(self.value, "little")

    @property
    def under_debug(self) -> bool:
        """Whether any bit of the group "TD under debug" is set; every one of them makes the domain untrusted."""
        return bool(self.flags & _UNDER_DEBUG)
