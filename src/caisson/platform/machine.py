"""Which machine the software platform pretends to be."""

from dataclasses import dataclass
from enum import StrEnum

from caisson.errors import Malformed
from caisson.sgx import CpuSvn

_FMSPC_SIZE = 6
_PPID_SIZE = 16
_PCE_ID_SIZE = 2
_MAX_PCE_SVN = 0xFFFF
# The model, in letters that hexadecimal has: a caisson.
_FMSPC = bytes.fromhex("ca1550000000")
_CPU_SVN = CpuSvn(bytes.fromhex("0b0b0202030100000000000000000000"))


class PckCa(StrEnum):
    """Which of the two kinds of intermediate CA certifies the machine: one package, or several."""

    PROCESSOR = "processor"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a PCK certificate says about a machine (Intel SGX PCK Certificate and CRL Profile Specification).

    `ppid` has 16 bytes and tells machines apart, `fmspc` 6 and names the model; `pce_id` 2.
    `cpu_svn` is also the list of the 16 TCB components.
    """

    ppid: bytes
    fmspc: bytes = _FMSPC
    pce_id: bytes = b"\x00\x00"
    cpu_svn: CpuSvn = _CPU_SVN
    pce_svn: int = 13
    ca: PckCa = PckCa.PROCESSOR

    def __post_init__(self) -> None:
        for name, size in (("ppid", _PPID_SIZE), ("fmspc", _FMSPC_SIZE), ("pce_id", _PCE_ID_SIZE)):
            value: bytes = getattr(self, name)
            if len(value) != size:
                raise Malformed(f"{name} has {len(value)} bytes, not {size}")
        if not 0 <= self.pce_svn <= _MAX_PCE_SVN:
            raise Malformed(f"PCE SVN {self.pce_svn} does not fit 16 bits")
