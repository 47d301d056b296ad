"""Quote version 3: a REPORT body signed for the world by a quoting enclave.

Source: Intel SGX ECDSA Quote Library Reference, appendix A (quote format version 3).
"""

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from caisson.abi import Cursor, require_size
from caisson.errors import Malformed
from caisson.sgx.report import ReportBody
from caisson.sgx.voucher import Voucher

INTEL_QE_VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
ECDSA_P256 = 2

_HEADER = struct.Struct("<HHIHH16s20s")
_U16 = struct.Struct("<H")
_SIGNATURE = 64
_U32 = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteHeader:
    """The first 48 bytes. `tee_type` is 0 for SGX; in version 3 these four bytes are reserved.

    Raises:
        Malformed: a vendor that does not have 16 bytes, or user data that do not have 20.
    """

    SIZE: ClassVar[int] = 48

    version: int
    attestation_key_type: int
    tee_type: int
    qe_svn: int
    pce_svn: int
    qe_vendor_id: bytes
    user_data: bytes

    def __post_init__(self) -> None:
        require_size(self.qe_vendor_id, 16, "vendor of a quoting enclave")
        require_size(self.user_data, 20, "user data of a quote")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read 48 bytes.

        Raises:
            Malformed: another length.
        """
        require_size(raw, cls.SIZE, "quote header")
        version, key_type, tee_type, qe_svn, pce_svn, vendor, user_data = _HEADER.unpack(raw)
        return cls(
            version=version,
            attestation_key_type=key_type,
            tee_type=tee_type,
            qe_svn=qe_svn,
            pce_svn=pce_svn,
            qe_vendor_id=vendor,
            user_data=user_data,
        )

    def encode(self) -> bytes:
        """Give the 48 bytes."""
        return _HEADER.pack(
            self.version,
            self.attestation_key_type,
            self.tee_type,
            self.qe_svn,
            self.pce_svn,
            self.qe_vendor_id,
            self.user_data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificationData:
    """What ties the quoting enclave to its platform; type 5 is a PEM chain: leaf, CA, root."""

    kind: int
    data: bytes

    def encode(self) -> bytes:
        """Give type (u16), size (u32) and data."""
        return _U16.pack(self.kind) + _U32.pack(len(self.data)) + self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class QeSignature:
    """The signature section: the quote's signature, its key, and the quoting enclave's voucher for that key.

    Signatures are r ‖ s and the key is x ‖ y, each 64 bytes big-endian on P-256.

    Raises:
        Malformed: a signature or the key has another length.
    """

    signature: bytes
    attestation_key: bytes
    qe_report: ReportBody
    qe_report_signature: bytes
    qe_authentication_data: bytes
    certification: CertificationData

    def __post_init__(self) -> None:
        for field in (self.signature, self.attestation_key, self.qe_report_signature):
            require_size(field, 64, "signature or key in a quote")

    @classmethod
    def parse(cls, raw: bytes, *, version: int = 3) -> Self:
        """Read the whole section of a quote of `version`.

        Raises:
            Malformed: cut short, too long, or sizes that do not add up.
        """
        voucher = Voucher.parse(raw[_SIGNATURE:], version=version)
        return cls(
            signature=raw[:_SIGNATURE],
            attestation_key=voucher.attestation_key,
            qe_report=ReportBody.parse(voucher.qe_report),
            qe_report_signature=voucher.qe_report_signature,
            qe_authentication_data=voucher.qe_authentication_data,
            certification=CertificationData(kind=voucher.kind, data=voucher.certification),
        )

    def encode(self) -> bytes:
        """Give the section's bytes."""
        return b"".join(
            (
                self.signature,
                self.attestation_key,
                self.qe_report.encode(),
                self.qe_report_signature,
                _U16.pack(len(self.qe_authentication_data)),
                self.qe_authentication_data,
                self.certification.encode(),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A whole version-3 quote. The signature covers `signed_bytes`."""

    header: QuoteHeader
    body: ReportBody
    signature: QeSignature

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read one quote and nothing after it.

        Raises:
            Malformed: not version 3, cut short, trailing bytes, or sizes that do not add up.
        """
        reader = Cursor(raw, what="quote")
        header = QuoteHeader.parse(reader.take(QuoteHeader.SIZE))
        if header.version != 3:  # noqa: PLR2004 - the format's own number
            raise Malformed(f"quote has version {header.version}, not 3")
        body = ReportBody.parse(reader.take(ReportBody.SIZE))
        signature = QeSignature.parse(reader.take(reader.u32()))
        reader.finish()
        return cls(header=header, body=body, signature=signature)

    def encode(self) -> bytes:
        """Give the quote's bytes."""
        section = self.signature.encode()
        return self.signed_bytes + _U32.pack(len(section)) + section

    @property
    def signed_bytes(self) -> bytes:
        """Header and body, 432 bytes."""
        return self.header.encode() + self.body.encode()
