"""The TCB level of a platform that runs a trust domain.

Source: Intel DCAP Quote Verification, evaluation of the TDX TCB: a level covers a platform if its SGX components, its
PCE and its TDX components all reach it. From module version 1 on, the first two TDX components are the module's own
version, which its identity rates instead.
"""

from caisson.evidence.intel.pck import Pck
from caisson.evidence.intel.tcb import TcbInfo
from caisson.evidence.intel.tcb_status import NOT_SUPPORTED, TcbVerdict
from caisson.tdx import TeeTcbSvn

_RATED_BY_IDENTITY = 2


def tdx_verdict(info: TcbInfo, pck: Pck, svn: TeeTcbSvn) -> TcbVerdict:
    """Join the verdicts on a platform and on the TDX module that has `svn`; what is not known is not supported."""
    first = _RATED_BY_IDENTITY if svn.module_version else 0
    reached = svn.value[first:]
    platform = next(
        (
            level.verdict
            for level in info.levels
            if level.covers(pck)
            and all(has >= wanted for has, wanted in zip(reached, level.tdx_components[first:], strict=True))
        ),
        NOT_SUPPORTED,
    )
    if not svn.module_version:
        return platform
    identity = None if info.modules is None else info.modules.of(svn)
    return platform.converged(NOT_SUPPORTED if identity is None else identity.verdict(svn))
