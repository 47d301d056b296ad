"""REPORT: what EREPORT says about an enclave to another enclave on the same machine (SDM vol. 3D, 37.16)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from caisson.abi import ReportData, require_size, require_zero
from caisson.sgx.attributes import Attributes
from caisson.sgx.fixed import CpuSvn, MrEnclave, MrSigner

_BODY = struct.Struct("<16sI12s16sQQ32s32s32s32s64sHHH42s16s64s")
_TAIL = struct.Struct("<32s16s")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBody:
    """The first 384 bytes of a REPORT: the part that its MAC, or a quote's signature, covers.

    Raises:
        Malformed: ISVEXTPRODID or ISVFAMILYID does not have 16 bytes, or CONFIGID not 64.
    """

    SIZE: ClassVar[int] = 384

    cpu_svn: CpuSvn
    misc_select: int
    isv_ext_prod_id: bytes
    attributes: Attributes
    mr_enclave: MrEnclave
    mr_signer: MrSigner
    config_id: bytes
    isv_prod_id: int
    isv_svn: int
    config_svn: int
    isv_family_id: bytes
    report_data: ReportData

    def __post_init__(self) -> None:
        require_size(self.isv_ext_prod_id, 16, "ISVEXTPRODID")
        require_size(self.config_id, 64, "CONFIGID")
        require_size(self.isv_family_id, 16, "ISVFAMILYID")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read 384 bytes.

        Raises:
            Malformed: another length, or reserved bytes that are not zero.
        """
        require_size(raw, cls.SIZE, "REPORT body")
        (
            cpu_svn,
            misc_select,
            reserved1,
            ext_prod_id,
            flags,
            xfrm,
            mr_enclave,
            reserved2,
            mr_signer,
            reserved3,
            config_id,
            prod_id,
            svn,
            config_svn,
            reserved4,
            family_id,
            report_data,
        ) = _BODY.unpack(raw)
        require_zero(reserved1 + reserved2 + reserved3 + reserved4, "REPORT body")
        return cls(
            cpu_svn=CpuSvn(cpu_svn),
            misc_select=misc_select,
            isv_ext_prod_id=ext_prod_id,
            attributes=Attributes(flags=flags, xfrm=xfrm),
            mr_enclave=MrEnclave(mr_enclave),
            mr_signer=MrSigner(mr_signer),
            config_id=config_id,
            isv_prod_id=prod_id,
            isv_svn=svn,
            config_svn=config_svn,
            isv_family_id=family_id,
            report_data=ReportData(report_data),
        )

    def encode(self) -> bytes:
        """Give the 384 bytes."""
        return _BODY.pack(
            self.cpu_svn.value,
            self.misc_select,
            b"",
            self.isv_ext_prod_id,
            self.attributes.flags,
            self.attributes.xfrm,
            self.mr_enclave.value,
            b"",
            self.mr_signer.value,
            b"",
            self.config_id,
            self.isv_prod_id,
            self.isv_svn,
            self.config_svn,
            b"",
            self.isv_family_id,
            self.report_data.value,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole REPORT, 432 bytes: the body, the key's wear-out protection and an AES-CMAC over the body.

    Raises:
        Malformed: KEYID does not have 32 bytes, or the MAC not 16.
    """

    SIZE: ClassVar[int] = 432

    body: ReportBody
    key_id: bytes
    mac: bytes

    def __post_init__(self) -> None:
        require_size(self.key_id, 32, "KEYID")
        require_size(self.mac, 16, "MAC of a REPORT")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read 432 bytes. The MAC is not checked here: only the target's CPU can.

        Raises:
            Malformed: another length, or reserved bytes that are not zero.
        """
        require_size(raw, cls.SIZE, "REPORT")
        key_id, mac = _TAIL.unpack_from(raw, ReportBody.SIZE)
        return cls(body=ReportBody.parse(raw[: ReportBody.SIZE]), key_id=key_id, mac=mac)

    def encode(self) -> bytes:
        """Give the 432 bytes."""
        return self.body.encode() + _TAIL.pack(self.key_id, self.mac)
