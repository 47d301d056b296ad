"""A quote taken apart without reading what is in its parts: which bytes are signed, by what, and who vouches for it.

Whoever sees many quotes of one platform sees the same voucher again and again, and need not read it each time.
"""

import struct
from typing import NamedTuple

from caisson.abi import Cursor
from caisson.errors import Malformed
from caisson.sgx.quote4 import BodyKind, body_kind
from caisson.sgx.voucher import WITHOUT_WRAPPING

# Version, kind of the key, TEE type, two versions that nobody uses, vendor of the quoting enclave, user data.
_HEADER = struct.Struct("<HHI4x16s20x")
_SIGNATURE = 64


class QuoteParts(NamedTuple):
    """What the header says of the rest, the kind and bytes of the body, what is signed, the signature, and its key.

    `voucher` is the signature section without the signature itself: the attestation key and what certifies it.
    """

    version: int
    attestation_key_type: int
    tee_type: int
    qe_vendor_id: bytes
    kind: BodyKind
    body: bytes
    signed: bytes
    signature: bytes
    voucher: bytes

    @classmethod
    def parse(cls, raw: bytes) -> "QuoteParts":
        """Take a quote of version 3, 4 or 5 apart.

        Raises:
            Malformed: another version, an unknown kind of body, cut short, trailing bytes, or sizes that do not
                add up.
        """
        cursor = Cursor(raw, what="quote")
        version, key_type, tee_type, vendor = cursor.unpack(_HEADER)
        kind = _kind(cursor, version, tee_type)
        body = cursor.take(kind.size)
        signed = raw[: cursor.at]
        if (size := cursor.u32()) < _SIGNATURE:
            raise Malformed(f"quote's signature section has {size} bytes, less than a signature")
        signature, voucher = cursor.take(_SIGNATURE), cursor.take(size - _SIGNATURE)
        cursor.finish()
        return cls(version, key_type, tee_type, vendor, kind, body, signed, signature, voucher)


def without_padding(raw: bytes) -> bytes:
    """Give a quote without the zeros that drivers fill its buffer up with; whatever else it is stays as it is."""
    cursor = Cursor(raw, what="quote")
    try:
        version, _, tee_type, _ = cursor.unpack(_HEADER)
        cursor.take(_kind(cursor, version, tee_type).size)
        cursor.take(cursor.u32())
    except Malformed:
        return raw
    return raw if any(raw[cursor.at :]) else raw[: cursor.at]


def _kind(cursor: Cursor, version: int, tee_type: int) -> BodyKind:
    return BodyKind.SGX if version == WITHOUT_WRAPPING else body_kind(cursor, version=version, tee_type=tee_type)
