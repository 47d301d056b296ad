"""What a quoting enclave says for an attestation key, as bytes: taken apart, and not read yet.

Source: Intel SGX ECDSA Quote Library Reference, appendix A; Intel TDX DCAP Quoting Library API, appendix A.3.
"""

import struct
from typing import NamedTuple

from caisson.abi import Cursor
from caisson.errors import Malformed
from caisson.sgx.certification import CertificationKind

WITHOUT_WRAPPING = 3

_WRAPPING = struct.Struct("<64sHI")
_VOUCHED = struct.Struct("<384s64sH")
_CERTIFICATION = struct.Struct("<HI")
_KEY = 64


class Voucher(NamedTuple):
    """A quote's signature section without the quote's signature.

    `qe_report` is the quoting enclave's REPORT body, 384 bytes; `qe_report_signature` is over it; `kind` says what
    `certification` is.
    """

    attestation_key: bytes
    qe_report: bytes
    qe_report_signature: bytes
    qe_authentication_data: bytes
    kind: int
    certification: bytes

    @classmethod
    def parse(cls, raw: bytes, *, version: int) -> "Voucher":
        """Take apart what a quote of `version` has; from version 4 on, what follows the key is wrapped once more.

        Raises:
            Malformed: cut short, trailing bytes, sizes that do not add up, or another wrapping.
        """
        cursor = Cursor(raw, what="quote")
        if version == WITHOUT_WRAPPING:
            key = cursor.take(_KEY)
        else:
            key, wrapping, size = cursor.unpack(_WRAPPING)
            if wrapping != CertificationKind.QE_REPORT:
                raise Malformed(f"quote has certification data of type {wrapping}, not {CertificationKind.QE_REPORT:d}")
            vouched = cursor.take(size)
            cursor.finish()
            cursor = Cursor(vouched, what="quote's certification data")
        report, signature, size = cursor.unpack(_VOUCHED)
        authentication_data = cursor.take(size)
        kind, size = cursor.unpack(_CERTIFICATION)
        certification = cursor.take(size)
        cursor.finish()
        return cls(key, report, signature, authentication_data, kind, certification)
