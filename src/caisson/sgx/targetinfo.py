"""TARGETINFO: for whom EREPORT makes a REPORT (SDM vol. 3D, 37.17)."""

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from caisson.abi import require_size, require_zero
from caisson.sgx.attributes import Attributes
from caisson.sgx.fixed import MrEnclave
from caisson.sgx.report import ReportBody

_LAYOUT = struct.Struct("<32s16s2sHI8s64s384s")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInfo:
    """The identity of the enclave that will check a REPORT; 512 bytes.

    Raises:
        Malformed: CONFIGID does not have 64 bytes.
    """

    SIZE: ClassVar[int] = 512

    mr_enclave: MrEnclave
    attributes: Attributes
    config_svn: int
    misc_select: int
    config_id: bytes

    def __post_init__(self) -> None:
        require_size(self.config_id, 64, "CONFIGID")

    @classmethod
    def of(cls, body: ReportBody) -> Self:
        """Address the enclave that `body` describes."""
        return cls(
            mr_enclave=body.mr_enclave,
            attributes=body.attributes,
            config_svn=body.config_svn,
            misc_select=body.misc_select,
            config_id=body.config_id,
        )

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read 512 bytes.

        Raises:
            Malformed: another length, or reserved bytes that are not zero.
        """
        require_size(raw, cls.SIZE, "TARGETINFO")
        mr_enclave, attributes, cet, config_svn, misc_select, reserved1, config_id, reserved2 = _LAYOUT.unpack(raw)
        require_zero(cet + reserved1 + reserved2, "TARGETINFO")
        return cls(
            mr_enclave=MrEnclave(mr_enclave),
            attributes=Attributes.parse(attributes),
            config_svn=config_svn,
            misc_select=misc_select,
            config_id=config_id,
        )

    def encode(self) -> bytes:
        """Give the 512 bytes."""
        return _LAYOUT.pack(
            self.mr_enclave.value,
            self.attributes.encode(),
            b"",
            self.config_svn,
            self.misc_select,
            b"",
            self.config_id,
            b"",
        )
