"""What a PCK certificate may say of its platform."""

from caisson.evidence.intel.pck import Fmspc, MemoryProtection, PceId, Pck, PlatformId
from caisson.sgx import CpuSvn


def pck(components=1, pce_svn=1):
    """Make a plain platform's, with one version for all components."""
    return Pck(
        ppid=PlatformId(bytes(16)),
        cpu_svn=CpuSvn(bytes([components] * 16)),
        pce_svn=pce_svn,
        pce_id=PceId(bytes(2)),
        fmspc=Fmspc(bytes(6)),
        memory_protection=MemoryProtection.STANDARD,
        platform_instance=None,
        dynamic_platform=None,
        cached_keys=None,
        smt_enabled=None,
    )
