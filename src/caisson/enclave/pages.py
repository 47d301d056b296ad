"""The unit of enclave memory: pages of 4,096 bytes, measured in chunks of 256 (SDM vol. 3D, 38.1)."""

PAGE = 4096
CHUNK = 256


def page_down(address: int) -> int:
    """Give the start of the page that holds `address`."""
    return address - address % PAGE


def page_up(address: int) -> int:
    """Give the first page border that is not below `address`."""
    return page_down(address + PAGE - 1)
