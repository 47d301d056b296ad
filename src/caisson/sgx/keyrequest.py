"""KEYREQUEST: which key EGETKEY shall derive (SDM vol. 3D, 37.18)."""

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import ClassVar, Self

from caisson.abi import require_size, require_zero
from caisson.errors import Malformed
from caisson.sgx.attributes import Attributes
from caisson.sgx.fixed import CpuSvn

_LAYOUT = struct.Struct("<HHHH16s16s32sIH434s")


class KeyName(IntEnum):
    """The keys of SDM vol. 3D, table 37-20."""

    EINITTOKEN = 0
    PROVISION = 1
    PROVISION_SEAL = 2
    REPORT = 3
    SEAL = 4


class KeyPolicy(IntFlag):
    """What a seal key is bound to."""

    MRENCLAVE = 1 << 0
    MRSIGNER = 1 << 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """The argument of EGETKEY; 512 bytes.

    Raises:
        Malformed: KEYID does not have 32 bytes.
    """

    SIZE: ClassVar[int] = 512

    key_name: KeyName
    key_policy: KeyPolicy
    isv_svn: int
    cpu_svn: CpuSvn
    attribute_mask: Attributes
    key_id: bytes
    misc_mask: int
    config_svn: int

    def __post_init__(self) -> None:
        require_size(self.key_id, 32, "KEYID")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read 512 bytes.

        Raises:
            Malformed: another length, reserved bits that are set, or a key that does not exist.
        """
        require_size(raw, cls.SIZE, "KEYREQUEST")
        name, policy, isv_svn, cet, cpu_svn, mask, key_id, misc_mask, config_svn, reserved = _LAYOUT.unpack(raw)
        require_zero(bytes((cet & 0xFF, cet >> 8)) + reserved, "KEYREQUEST")
        if policy & ~int(KeyPolicy.MRENCLAVE | KeyPolicy.MRSIGNER):
            raise Malformed(f"KEYREQUEST has key policy {policy:#x}, of which only bits 0 and 1 are known")
        try:
            key_name = KeyName(name)
        except ValueError as cause:
            raise Malformed(f"KEYREQUEST names key {name}, which does not exist") from cause
        return cls(
            key_name=key_name,
            key_policy=KeyPolicy(policy),
            isv_svn=isv_svn,
            cpu_svn=CpuSvn(cpu_svn),
            attribute_mask=Attributes.parse(mask),
            key_id=key_id,
            misc_mask=misc_mask,
            config_svn=config_svn,
        )

    def encode(self) -> bytes:
        """Give the 512 bytes."""
        return _LAYOUT.pack(
            self.key_name,
            self.key_policy,
            self.isv_svn,
            0,
            self.cpu_svn.value,
            self.attribute_mask.encode(),
            self.key_id,
            self.misc_mask,
            self.config_svn,
            b"",
        )
