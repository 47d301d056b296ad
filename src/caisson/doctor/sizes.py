"""Sizes as people read them."""

_STEP = 1024
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def spell(size: int) -> str:
    """Write a number of bytes in the largest unit of which there is at least one, rounded down."""
    unit = 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size // _STEP, unit + 1
    return f"{size} {_UNITS[unit]}"
