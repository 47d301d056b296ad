"""What SGX calls things: byte strings of a fixed length that have a meaning."""

from caisson.abi import FixedBytes


class MrEnclave(FixedBytes):
    """SHA-256 over the enclave's construction log (SDM vol. 3D, 38.4.1)."""

    __slots__ = ()
    SIZE = 32


class MrSigner(FixedBytes):
    """SHA-256 over the little-endian modulus of the SIGSTRUCT's key (SDM vol. 3D, 38.4.2)."""

    __slots__ = ()
    SIZE = 32


class CpuSvn(FixedBytes):
    """The security version of the CPU, microcode and SGX firmware (SDM vol. 3D, 37.16)."""

    __slots__ = ()
    SIZE = 16
