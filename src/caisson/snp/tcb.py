"""Products and their TCB versions: which firmware runs below the guests.

Source: AMD SEV-SNP Firmware ABI Specification (56860), TCB_VERSION; AMD VCEK Certificate and KDS Interface
Specification (57230), section 1.4 (product names).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Self

from caisson.abi import FixedBytes
from caisson.errors import Malformed


class Product(Enum):
    """A product line, by the name under which AMD certifies it. Siena and Bergamo are certified as Genoa."""

    MILAN = "Milan"
    GENOA = "Genoa"
    TURIN = "Turin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpuid:
    """The processor that made a report, as CPUID leaf 1 says: combined family and model, and stepping."""

    family: int
    model: int
    stepping: int

    @property
    def product(self) -> Product | None:
        """The product line, or none if this is not a processor that is known to be of one."""
        return _PRODUCTS.get((self.family, self.model >> 4))


_ZEN_3_4 = 0x19
_ZEN_5 = 0x1A
_PRODUCTS = {
    (_ZEN_3_4, 0x0): Product.MILAN,
    (_ZEN_3_4, 0x1): Product.GENOA,
    (_ZEN_3_4, 0xA): Product.GENOA,
    (_ZEN_5, 0x0): Product.TURIN,
    (_ZEN_5, 0x1): Product.TURIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbComponents:
    """The security patch levels in a TCB version, 0 to 255 each; `fmc` exists from Turin on."""

    bootloader: int
    tee: int
    snp: int
    microcode: int
    fmc: int | None = None

    def at_most(self, other: Self) -> bool:
        """Whether no component is newer than that of `other`, and both are of one layout."""
        pairs = zip(self._levels, other._levels, strict=True)
        return (self.fmc is None) == (other.fmc is None) and all(ours <= theirs for ours, theirs in pairs)

    def __str__(self) -> str:
        fmc = "" if self.fmc is None else f"fmc {self.fmc}, "
        return f"{fmc}bootloader {self.bootloader}, tee {self.tee}, snp {self.snp}, microcode {self.microcode}"

    @property
    def _levels(self) -> tuple[int, int, int, int, int]:
        return self.fmc or 0, self.bootloader, self.tee, self.snp, self.microcode


class TcbVersion(FixedBytes):
    """TCB_VERSION: eight bytes, whose meaning depends on the product."""

    __slots__ = ()
    SIZE = 8

    def components(self, product: Product) -> TcbComponents:
        """Read the patch levels.

        Raises:
            Malformed: a byte is set that is reserved in this product.
        """
        raw = self.value
        turin = product is Product.TURIN
        if any(raw[4:7] if turin else raw[2:6]):
            raise Malformed(f"TCB version {self} has reserved bytes that are not zero for {product.value}")
        if turin:
            return TcbComponents(fmc=raw[0], bootloader=raw[1], tee=raw[2], snp=raw[3], microcode=raw[7])
        return TcbComponents(bootloader=raw[0], tee=raw[1], snp=raw[6], microcode=raw[7])
