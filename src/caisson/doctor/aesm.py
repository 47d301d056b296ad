"""One question to Intel's aesmd, the one that Gramine asks first, and what its error codes mean.

Source: `common/proto/aesm.proto` and `pal/src/host/linux-sgx/host_platform.c` of Gramine 1.9; `aesm_error.h` of Intel's
SGX PSW. A message is its length (u32, little-endian) and a protocol buffer.
"""

import struct

from caisson.errors import Malformed

_MOST_BYTES = 1 << 16
PREFIX = struct.Struct("<I")

_INIT_QUOTE_EX = 15  # the field of `Request` and of `Response`
_KEY_ID, _PUBLIC_KEY, _BUFFER, _TIMEOUT, _ERROR = 1, 3, 4, 9, 1
_MICROSECONDS = 1_000_000
_HASH = 32
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_SHIFT = 63
_SEVEN_BITS = 0x7F

# Intel's ECDSA quoting enclave: id, version, length of MRSIGNER (u16 each), MRSIGNER, product (u32), extended product,
# configuration and family (zero), algorithm (u32; 2 is ECDSA over P-256); 256 bytes in all.
_MRSIGNER = bytes.fromhex("8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff")
_QUOTING_ENCLAVE = struct.pack("<HHH48sI96xI", 0, 0, 32, _MRSIGNER, 1, 2).ljust(256, b"\0")

NOT_YET = 42
MEANINGS = {
    1: ("it does not know itself what went wrong", "see its log: `journalctl -u aesmd`"),
    12: ("it does not reach the PCCS", "check `pccs_url` in `/etc/sgx_default_qcnl.conf`, and the way there"),
    13: ("the network is busy", "try again"),
    18: ("it is busy", "try again"),
    24: ("it has no SGX device", "give it `/dev/sgx_enclave` and `/dev/sgx_provision`, and put it into their groups"),
    29: ("the enclave page cache is full", "stop other enclaves, or give the machine a larger one"),
    30: (
        "its ECDSA part is missing",
        "install `libsgx-aesm-ecdsa-plugin`, `libsgx-aesm-quote-ex-plugin` and `libsgx-aesm-pce-plugin`",
    ),
    31: ("Intel does not know this platform", "register it: `mpa_registration`, or PCKIDRetrievalTool to a PCCS"),
    38: ("it makes no ECDSA quotes", "put `default quoting type = ecdsa_256` into `/etc/aesmd.conf`"),
    NOT_YET: ("its attestation key is not made yet", "try again; Gramine does so by itself"),
    44: (
        "the PCCS has no certificate for this platform",
        "register the platform, and see that the PCCS has a key for Intel's service",
    ),
}


def question() -> bytes:
    """Give the message: may we have the quoting enclave's target information? It starts that enclave."""
    request = (
        _bytes(_KEY_ID, _QUOTING_ENCLAVE)
        + _number(_PUBLIC_KEY, 1)
        + _number(_BUFFER, _HASH)
        + _number(_TIMEOUT, 10 * _MICROSECONDS)
    )
    message = _bytes(_INIT_QUOTE_EX, request)
    return PREFIX.pack(len(message)) + message


def size(prefix: bytes) -> int:
    """Read how long an answer is, from its prefix.

    Raises:
        Malformed: longer than any answer is.
    """
    (announced,) = PREFIX.unpack(prefix)
    if announced > _MOST_BYTES:
        raise Malformed(f"aesmd announces an answer of {announced} bytes")
    return int(announced)


def answer(message: bytes) -> int:
    """Read the error code from an answer, without its prefix; 0 stands for none.

    Raises:
        Malformed: it is no answer to this question.
    """
    inner = _fields(message).get(_INIT_QUOTE_EX)
    code = _fields(inner).get(_ERROR) if isinstance(inner, bytes) else None
    if not isinstance(code, int) or code >> 32:
        raise Malformed("aesmd's answer is none to what was asked")
    return code


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > _SEVEN_BITS:
        encoded.append(value & _SEVEN_BITS | 0x80)
        value >>= 7
    return bytes((*encoded, value))


def _fields(message: bytes) -> dict[int, int | bytes]:
    """Read a protocol buffer's fields; of one that is there twice, the last counts."""
    fields: dict[int, int | bytes] = {}
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        value: int | bytes
        match key & 7:
            case 0:
                value, at = _read_varint(message, at)
            case kind:
                length, at = _length(kind, message, at)
                if length > len(message) - at:
                    raise Malformed("aesmd's answer ends early")
                value, at = message[at : at + length], at + length
        fields[key >> 3] = value
    return fields


def _length(kind: int, message: bytes, at: int) -> tuple[int, int]:
    if kind == _BYTES:
        return _read_varint(message, at)
    if kind in (_FIXED64, _FIXED32):
        return 8 if kind == _FIXED64 else 4, at
    raise Malformed("aesmd's answer is no protocol buffer")


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift <= _MOST_SHIFT:
        value |= (message[at] & _SEVEN_BITS) << shift
        at, shift = at + 1, shift + 7
        if not message[at - 1] & 0x80:
            return value, at
    raise Malformed("aesmd's answer ends early")
