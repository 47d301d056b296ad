"""Reading fixed-layout structures: exact lengths, reserved bytes that must be zero."""

from caisson.errors import Malformed


def require_size(raw: bytes, size: int, what: str) -> None:
    """Refuse `raw` unless it has exactly `size` bytes.

    Raises:
        Malformed: another length.
    """
    if len(raw) != size:
        raise Malformed(f"{what} has {len(raw)} bytes, not {size}")


def require_zero(reserved: bytes, what: str) -> None:
    """Refuse reserved bytes that are not zero.

    Raises:
        Malformed: a reserved byte is set.
    """
    if reserved.strip(b"\0"):
        raise Malformed(f"{what} has reserved bytes that are not zero")
