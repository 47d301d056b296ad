"""ATTRIBUTES and MISCSELECT: what a manifest asks of the CPU, and which of it may not differ.

Source: SDM vol. 3D, 37.7.1 and 37.7.2 for the bits; Gramine 1.6 to 1.9 for how the manifest sets them.
"""

from caisson.enclave.parameters import EnclaveParameters, Feature
from caisson.sgx import Attributes, Flags

MISC_MASK = 0xFFFF_FFFF

_FLAGS_MASK = 0xFFFF_FFFF_FFFF_FFFF
_EXINFO = 1 << 0
_X87_SSE = 0x3
# All of XFRM but AVX, AVX-512 and AMX, which an enclave may leave to the machine.
_XFRM_MASK = 0xFFFF_FFFF_FFF9_FF1B
# In this order, because the bits of AVX are part of AVX-512's.
_XFRM = {"avx": 0x4, "avx512": 0xE4, "amx": 0x60000, "mpx": 0x18, "pkru": 0x200}


def secs_attributes(manifest: bytes) -> tuple[Attributes, int]:
    """Give the ATTRIBUTES and MISCSELECT for which a manifest's enclave is signed.

    A loader that knows the machine may add XFRM bits outside of the SIGSTRUCT's mask. The INIT flag is the CPU's.

    Raises:
        Malformed: not a manifest, or one that no enclave can have.
    """
    parameters = EnclaveParameters.parse(manifest)
    attributes, _ = signed_attributes(parameters)
    return attributes, signed_misc_select(parameters)


def signed_attributes(parameters: EnclaveParameters) -> tuple[Attributes, Attributes]:
    """Give ATTRIBUTES and their mask."""
    xfrm, mask = _X87_SSE, _XFRM_MASK
    for name, bits in _XFRM.items():
        match getattr(parameters.cpu_features, name):
            case Feature.REQUIRED:
                xfrm, mask = xfrm | bits, mask | bits
            case Feature.DISABLED:
                xfrm, mask = xfrm & ~bits, mask | bits
    flags = Flags.MODE64BIT | (Flags.DEBUG if parameters.debug else 0)
    return Attributes(flags=int(flags), xfrm=xfrm), Attributes(flags=_FLAGS_MASK, xfrm=mask)


def signed_misc_select(parameters: EnclaveParameters) -> int:
    """Give MISCSELECT: bit 0 asks for the cause of exceptions (EXINFO)."""
    return _EXINFO if parameters.use_exinfo else 0
