"""What every hardware structure is made of: bytes of a fixed length, read exactly. Knows no vendor."""

from caisson.abi.cursor import Cursor
from caisson.abi.fields import require_size, require_zero
from caisson.abi.fixed import FixedBytes, ReportData
from caisson.abi.structure import Structure

__all__ = [
    "Cursor",
    "FixedBytes",
    "ReportData",
    "Structure",
    "require_size",
    "require_zero",
]
