"""Quote versions 4 and 5: an enclave or a trust domain, signed for the world by a quoting enclave.

A trust domain's body stays bytes here; `caisson.tdx` reads it.
Source: Intel TDX DCAP Quoting Library API, appendix A.3.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from caisson.abi import Cursor
from caisson.errors import Malformed
from caisson.sgx.certification import CertificationKind
from caisson.sgx.quote import QeSignature, Quote, QuoteHeader
from caisson.sgx.report import ReportBody

TEE_SGX = 0x00
TEE_TDX = 0x81

_V4 = 4
_V5 = 5
_BODY_DESCRIPTOR = struct.Struct("<HI")
_CERTIFICATION_DESCRIPTOR = struct.Struct("<HI")
_U32 = struct.Struct("<I")
_KEY_END = 128


class BodyKind(IntEnum):
    """The body types of quote version 5."""

    SGX = 1
    TD10 = 2
    TD15 = 3
    TD15EX = 4

    @property
    def size(self) -> int:
        """The number of bytes that a body of this kind has."""
        return _SIZES[self]

    @property
    def tee_type(self) -> int:
        """What the header says of a quote with such a body."""
        return TEE_SGX if self is BodyKind.SGX else TEE_TDX


_SIZES = {BodyKind.SGX: ReportBody.SIZE, BodyKind.TD10: 584, BodyKind.TD15: 648, BodyKind.TD15EX: 885}


@dataclass(frozen=True, slots=True, kw_only=True)
class TdBodyBytes:
    """A trust domain's body as it stands in the quote.

    Raises:
        Malformed: another length than the kind has.
    """

    kind: BodyKind
    raw: bytes

    def __post_init__(self) -> None:
        if self.kind is BodyKind.SGX or len(self.raw) != self.kind.size:
            raise Malformed(f"trust domain's body has {len(self.raw)} bytes, which is not the size of {self.kind.name}")

    def encode(self) -> bytes:
        """Give the body's bytes."""
        return self.raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote4:
    """A whole quote of version 4 or 5. The signature covers `signed_bytes`.

    Raises:
        Malformed: another version, or a body that this version or the header's TEE type does not allow.
    """

    header: QuoteHeader
    body: ReportBody | TdBodyBytes
    signature: QeSignature

    def __post_init__(self) -> None:
        version, kind = self.header.version, self.kind
        if version not in (_V4, _V5):
            raise Malformed(f"quote has version {version}, not 4 or 5")
        if version == _V4 and kind not in (BodyKind.SGX, BodyKind.TD10):
            raise Malformed(f"quote of version 4 has a body of kind {kind.name}")
        if self.header.tee_type != kind.tee_type:
            raise Malformed(f"quote is of TEE type {self.header.tee_type:#x}, but has a body of kind {kind.name}")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read one quote and nothing after it.

        Raises:
            Malformed: not version 4 or 5, an unknown kind of body, cut short, trailing bytes, or sizes that do
                not add up.
        """
        cursor = Cursor(raw, what="quote")
        header = QuoteHeader.parse(cursor.take(QuoteHeader.SIZE))
        kind = body_kind(cursor, version=header.version, tee_type=header.tee_type)
        body = cursor.take(kind.size)
        section = cursor.take(cursor.u32())
        cursor.finish()
        return cls(
            header=header,
            body=ReportBody.parse(body) if kind is BodyKind.SGX else TdBodyBytes(kind=kind, raw=body),
            signature=QeSignature.parse(section, version=header.version),
        )

    def encode(self) -> bytes:
        """Give the quote's bytes."""
        section = _encode_section(self.signature)
        return self.signed_bytes + _U32.pack(len(section)) + section

    @property
    def kind(self) -> BodyKind:
        """What the body is."""
        return BodyKind.SGX if isinstance(self.body, ReportBody) else self.body.kind

    @property
    def signed_bytes(self) -> bytes:
        """The header and the body; in version 5, the body's type and size between them."""
        descriptor = b"" if self.header.version == _V4 else _BODY_DESCRIPTOR.pack(self.kind, self.kind.size)
        return self.header.encode() + descriptor + self.body.encode()


def parse_quote(raw: bytes) -> Quote | Quote4:
    """Read one quote of version 3, 4 or 5 and nothing after it.

    Raises:
        Malformed: another version, cut short, trailing bytes, or sizes that do not add up.
    """
    version = Cursor(raw, what="quote").u16()
    return Quote.parse(raw) if version == 3 else Quote4.parse(raw)  # noqa: PLR2004 - the format's own number


def body_kind(cursor: Cursor, *, version: int, tee_type: int) -> BodyKind:
    """Tell what a body of version 4 or 5 is, and take what says it.

    Raises:
        Malformed: another version, or a kind that does not exist, or not under this header.
    """
    if version == _V4:
        if tee_type not in (TEE_SGX, TEE_TDX):
            raise Malformed(f"quote is of TEE type {tee_type:#x}, which is neither SGX nor TDX")
        return BodyKind.SGX if tee_type == TEE_SGX else BodyKind.TD10
    if version != _V5:
        raise Malformed(f"quote has version {version}, not 4 or 5")
    number, size = cursor.unpack(_BODY_DESCRIPTOR)
    try:
        kind = BodyKind(number)
    except ValueError as cause:
        raise Malformed(f"quote has a body of kind {number}, which does not exist") from cause
    if size != kind.size:
        raise Malformed(f"quote says that a body of kind {kind.name} has {size} bytes, not {kind.size}")
    if tee_type != kind.tee_type:
        raise Malformed(f"quote is of TEE type {tee_type:#x}, but has a body of kind {kind.name}")
    return kind


def _encode_section(signature: QeSignature) -> bytes:
    raw = signature.encode()
    signed, vouched = raw[:_KEY_END], raw[_KEY_END:]
    return signed + _CERTIFICATION_DESCRIPTOR.pack(CertificationKind.QE_REPORT, len(vouched)) + vouched
