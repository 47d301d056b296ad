"""The numbers of the platform's socket (docs/reference/platform-socket.md)."""

import struct
from enum import IntEnum

from caisson.errors import PlatformRejected
from caisson.sgx import KeyRequest, Report, ReportData, TargetInfo

HEADER = struct.Struct("<BI")
SIZE = struct.Struct("<I")
MAX_REQUEST = 64 << 20


class Operation(IntEnum):
    """What a guest can ask for."""

    LAUNCH = 1
    EREPORT = 2
    EGETKEY = 3
    QE_TARGET_INFO = 4
    QUOTE = 5


class Status(IntEnum):
    """How a request ended; the names are the codes of `PlatformRejected`."""

    SUCCESS = 0
    SGX_INVALID_SIGNATURE = 1
    SGX_INVALID_MEASUREMENT = 2
    SGX_INVALID_ATTRIBUTE = 3
    SGX_INVALID_REPORT = 4
    BAD_REQUEST = 5
    SGX_INVALID_CPUSVN = 6
    SGX_INVALID_ISVSVN = 7
    SGX_INVALID_KEYNAME = 8


# Every request but LAUNCH has one size.
_SIZES = {
    Operation.EREPORT: TargetInfo.SIZE + ReportData.SIZE,
    Operation.EGETKEY: KeyRequest.SIZE,
    Operation.QE_TARGET_INFO: 0,
    Operation.QUOTE: Report.SIZE,
}


def parse_header(raw: bytes | bytearray) -> tuple[Operation, int]:
    """Read a request's operation and the size of its payload.

    Raises:
        PlatformRejected: an unknown operation, or a size it cannot have.
    """
    number, size = HEADER.unpack(raw)
    try:
        operation = Operation(number)
    except ValueError as cause:
        raise bad_request(f"operation {number} does not exist") from cause
    if size > MAX_REQUEST or size != _SIZES.get(operation, size):
        raise bad_request(f"{operation.name} cannot have {size} bytes")
    return operation, size


def success(payload: bytes) -> bytes:
    """Give the answer to a request that was carried out."""
    return HEADER.pack(Status.SUCCESS, len(payload)) + payload


def refusal(error: PlatformRejected) -> bytes:
    """Give the answer to a request that was refused: the SDM's name and a sentence."""
    text = str(error).encode()
    return HEADER.pack(Status[error.code], len(text)) + text


def bad_request(message: str) -> PlatformRejected:
    """Make the error for a request that makes no sense here."""
    return PlatformRejected("BAD_REQUEST", message)
