"""Which PCK certificate belongs to a quote that does not bring it: certification data of types 1 to 3.

Source: Intel SGX ECDSA Quote Library Reference, appendix A.4, "QE Certification Data"; `sgx_quote_3.h`. Quoting
enclaves before the PCE-ID was part of it leave it out in types 1 and 2.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from caisson.errors import Malformed
from caisson.sgx.fixed import CpuSvn

_U16 = struct.Struct("<H")


class CertificationKind(IntEnum):
    """What ties a quoting enclave to its platform."""

    PPID = 1
    PPID_RSA_2048 = 2
    PPID_RSA_3072 = 3
    PCK_LEAF = 4
    PEM_CHAIN = 5
    QE_REPORT = 6
    PLATFORM_MANIFEST = 7


_PPID_SIZES: dict[int, int] = {
    CertificationKind.PPID: 16,
    CertificationKind.PPID_RSA_2048: 256,
    CertificationKind.PPID_RSA_3072: 384,
}
_MAY_LACK_PCE_ID = frozenset({CertificationKind.PPID, CertificationKind.PPID_RSA_2048})


@dataclass(frozen=True, slots=True, kw_only=True)
class PckIdentity:
    """A PCK by its platform and TCB. `ppid` is in the clear (16 bytes), or encrypted for Intel with RSA-OAEP.

    Raises:
        Malformed: `ppid` does not have the length of its kind, or the PCE-ID is missing where it has to be.
    """

    kind: CertificationKind
    ppid: bytes
    cpu_svn: CpuSvn
    pce_svn: int
    pce_id: bytes | None

    def __post_init__(self) -> None:
        expected = _PPID_SIZES.get(self.kind)
        if len(self.ppid) != expected:
            raise Malformed(f"certification data of type {self.kind:d} has a PPID of {len(self.ppid)} bytes")
        if len(self.pce_id or b"") not in ((0, 2) if self.kind in _MAY_LACK_PCE_ID else (2,)):
            raise Malformed(f"certification data of type {self.kind:d} has no PCE-ID")

    @classmethod
    def parse(cls, kind: int, raw: bytes) -> Self:
        """Read certification data of type 1, 2 or 3.

        Raises:
            Malformed: another type, or another length than it has.
        """
        size = _PPID_SIZES.get(kind)
        if size is None:
            raise Malformed(f"certification data of type {kind:d} name no PCK")
        head = size + CpuSvn.SIZE + _U16.size
        if len(raw) not in (head, head + 2):
            raise Malformed(f"certification data of type {kind:d} have {len(raw)} bytes, not {head} or {head + 2}")
        return cls(
            kind=CertificationKind(kind),
            ppid=raw[:size],
            cpu_svn=CpuSvn(raw[size : size + CpuSvn.SIZE]),
            pce_svn=_U16.unpack_from(raw, size + CpuSvn.SIZE)[0],
            pce_id=raw[head:] or None,
        )

    def encode(self) -> bytes:
        """Give the data's bytes."""
        return self.ppid + self.cpu_svn.value + _U16.pack(self.pce_svn) + (self.pce_id or b"")
