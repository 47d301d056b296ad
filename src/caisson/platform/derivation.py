"""How the processor derives keys from its fuses (SDM vol. 3D, EGETKEY and table 38-64, "Key Derivation").

The layout that real processors feed into their CMAC is not public. This one holds the same
fields, each of a fixed length, so that two different requests never meet in one key.
"""

import struct
from dataclasses import dataclass, field
from typing import ClassVar

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from caisson.sgx import Attributes, CpuSvn, KeyName, KeyPolicy, MrEnclave, MrSigner

KEY_SIZE = 16
KEY_ID_SIZE = 32
ZERO_MR_ENCLAVE = MrEnclave(bytes(MrEnclave.SIZE))
ZERO_MR_SIGNER = MrSigner(bytes(MrSigner.SIZE))
NO_ATTRIBUTES = Attributes(flags=0, xfrm=0)
NO_POLICY = KeyPolicy(0)

_LAYOUT = struct.Struct("<HHHH16s16s16s32s32s32sII64sH16s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuses:
    """What distinguishes one processor from all others: 16 bytes of root key, 16 bytes of owner epoch."""

    SIZE: ClassVar[int] = 2 * KEY_SIZE

    root_key: bytes = field(repr=False)
    owner_epoch: bytes = field(repr=False)

    @classmethod
    def of(cls, raw: bytes) -> "Fuses":
        """Split 32 random bytes."""
        return cls(root_key=raw[:KEY_SIZE], owner_epoch=raw[KEY_SIZE:])

    def encode(self) -> bytes:
        """Give the 32 bytes."""
        return self.root_key + self.owner_epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDependencies:
    """Everything that a derived key depends on; what a key shall not depend on is zero."""

    key_name: KeyName
    cpu_svn: CpuSvn
    key_id: bytes
    attributes: Attributes
    misc_select: int
    mr_enclave: MrEnclave = ZERO_MR_ENCLAVE
    mr_signer: MrSigner = ZERO_MR_SIGNER
    isv_prod_id: int = 0
    isv_svn: int = 0
    attribute_mask: Attributes = NO_ATTRIBUTES
    misc_mask: int = 0
    key_policy: KeyPolicy = NO_POLICY
    config_id: bytes = bytes(64)
    config_svn: int = 0

    def derive(self, fuses: Fuses) -> bytes:
        """Give the 16-byte key."""
        return aes_cmac(
            fuses.root_key,
            _LAYOUT.pack(
                self.key_name,
                self.isv_prod_id,
                self.isv_svn,
                self.key_policy,
                self.cpu_svn.value,
                self.attributes.encode(),
                self.attribute_mask.encode(),
                self.mr_enclave.value,
                self.mr_signer.value,
                self.key_id,
                self.misc_select,
                self.misc_mask,
                self.config_id,
                self.config_svn,
                fuses.owner_epoch,
            ),
        )


def aes_cmac(key: bytes, message: bytes) -> bytes:
    """AES-128-CMAC (RFC 4493), 16 bytes."""
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()
