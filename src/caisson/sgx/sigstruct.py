"""SIGSTRUCT: who vouches for an enclave, and within which limits (SDM vol. 3D, 37.13)."""

import re
import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Self

from caisson.abi import require_size, require_zero
from caisson.errors import Malformed
from caisson.sgx.attributes import Attributes
from caisson.sgx.fixed import MrEnclave, MrSigner

_HEADER1 = bytes.fromhex("06000000e100000000000100 00000000")
_HEADER2 = bytes.fromhex("01010000600000006000000001000000")
_LAYOUT = struct.Struct("<16sI4s16sI84s384sI384sII4s16s16s16s32s16s16sHH12s384s384s")
_NUMBER = 384
_ID = 16
_DATE = re.compile(r"[0-9]{8}")
_FIRST_SIGNED = slice(0, 128)
_SECOND_SIGNED = slice(900, 1028)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigStruct:
    """An enclave's signature; 1,808 bytes. Big numbers are little-endian.

    `date` holds the eight BCD digits as text, `YYYYMMDD`; `00000000` is allowed.
    `attributes` and `misc_select` must equal the enclave's under their masks.

    Raises:
        Malformed: a number, identifier or date of another length.
    """

    SIZE: ClassVar[int] = 1808

    vendor: int
    date: str
    sw_defined: int
    modulus: bytes
    exponent: int
    signature: bytes
    misc_select: int
    misc_mask: int
    isv_family_id: bytes
    attributes: Attributes
    attribute_mask: Attributes
    mr_enclave: MrEnclave
    isv_ext_prod_id: bytes
    isv_prod_id: int
    isv_svn: int
    q1: bytes
    q2: bytes

    def __post_init__(self) -> None:
        for number in (self.modulus, self.signature, self.q1, self.q2):
            require_size(number, _NUMBER, "number in a SIGSTRUCT")
        require_size(self.isv_family_id, _ID, "ISVFAMILYID")
        require_size(self.isv_ext_prod_id, _ID, "ISVEXTPRODID")
        if _DATE.fullmatch(self.date) is None:
            raise Malformed(f"SIGSTRUCT has a date that is not eight decimal digits: {self.date[:40]!r}")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read 1,808 bytes. The signature is not checked here.

        Raises:
            Malformed: another length, wrong constants, or reserved bytes that are not zero.
        """
        require_size(raw, cls.SIZE, "SIGSTRUCT")
        (
            header1,
            vendor,
            date,
            header2,
            sw_defined,
            reserved1,
            modulus,
            exponent,
            signature,
            misc_select,
            misc_mask,
            reserved2,
            family_id,
            attributes,
            attribute_mask,
            mr_enclave,
            reserved3,
            ext_prod_id,
            prod_id,
            svn,
            reserved4,
            q1,
            q2,
        ) = _LAYOUT.unpack(raw)
        if header1 != _HEADER1 or header2 != _HEADER2:
            raise Malformed("SIGSTRUCT has a wrong header")
        require_zero(reserved1 + reserved2 + reserved3 + reserved4, "SIGSTRUCT")
        return cls(
            vendor=vendor,
            date=date[::-1].hex(),
            sw_defined=sw_defined,
            modulus=modulus,
            exponent=exponent,
            signature=signature,
            misc_select=misc_select,
            misc_mask=misc_mask,
            isv_family_id=family_id,
            attributes=Attributes.parse(attributes),
            attribute_mask=Attributes.parse(attribute_mask),
            mr_enclave=MrEnclave(mr_enclave),
            isv_ext_prod_id=ext_prod_id,
            isv_prod_id=prod_id,
            isv_svn=svn,
            q1=q1,
            q2=q2,
        )

    def encode(self) -> bytes:
        """Give the 1,808 bytes."""
        return _LAYOUT.pack(
            _HEADER1,
            self.vendor,
            bytes.fromhex(self.date)[::-1],
            _HEADER2,
            self.sw_defined,
            b"",
            self.modulus,
            self.exponent,
            self.signature,
            self.misc_select,
            self.misc_mask,
            b"",
            self.isv_family_id,
            self.attributes.encode(),
            self.attribute_mask.encode(),
            self.mr_enclave.value,
            b"",
            self.isv_ext_prod_id,
            self.isv_prod_id,
            self.isv_svn,
            b"",
            self.q1,
            self.q2,
        )

    @property
    def signed_bytes(self) -> bytes:
        """The 256 bytes that the signature covers: the header and the body, not the key."""
        raw = self.encode()
        return raw[_FIRST_SIGNED] + raw[_SECOND_SIGNED]

    @property
    def mr_signer(self) -> MrSigner:
        """SHA-256 of the modulus as it stands in the structure."""
        return MrSigner(sha256(self.modulus).digest())
