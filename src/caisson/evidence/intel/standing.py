"""What a platform's TCB is worth, for what runs on it: step 11 of the argument."""

from dataclasses import dataclass
from functools import lru_cache

from caisson.errors import TdxModuleMismatch
from caisson.evidence.intel.tcb_status import TcbVerdict
from caisson.evidence.intel.tdx.levels import tdx_verdict
from caisson.evidence.intel.tdx.relaunch import relaunched
from caisson.evidence.intel.vouching import CertifiedKey, Platform
from caisson.tdx import MrSignerSeam, SeamAttributes, TdBody, TdBody15, TeeTcbSvn

_REMEMBERED = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The verdicts: all in all, on the platform, and for trust domains on what runs below them now.

    `current` is `None` where nothing tells what runs now from what ran at launch.
    """

    tcb: TcbVerdict
    platform: TcbVerdict
    current: TcbVerdict | None


@lru_cache(maxsize=_REMEMBERED)
def enclave_standing(platform: Platform, qe: TcbVerdict) -> Standing:
    """Give the verdicts for an enclave; `qe` is that on the quoting enclave."""
    verdict = platform.collateral.tcb_info.verdict(platform.pck)
    return Standing(tcb=verdict.converged(qe), platform=verdict, current=None)


def domain_standing(key: CertifiedKey, body: TdBody) -> Standing:
    """Check the TDX module of a trust domain, and give the verdicts.

    Raises:
        TdxModuleMismatch: it is none of those in the TCB info.
    """
    return _domain_standing(
        key.platform,
        key.qe_tcb,
        body.tee_tcb_svn.value,
        body.tee_tcb_svn2.value if isinstance(body, TdBody15) else None,
        body.mr_signer_seam.value,
        body.seam_attributes.value,
    )


# Bytes and not their types, because what is remembered is looked up for every quote.
@lru_cache(maxsize=_REMEMBERED)
def _domain_standing(
    on: Platform, qe: TcbVerdict, launch: bytes, now: bytes | None, mr_signer: bytes, attributes: bytes
) -> Standing:
    info, pck, launched = on.collateral.tcb_info, on.pck, TeeTcbSvn(launch)
    module = None if info.modules is None else info.modules.of(launched)
    if module is None:
        raise TdxModuleMismatch(f"TDX module has version {launched.module_version}, of which the TCB info says nothing")
    module.require(MrSignerSeam(mr_signer), SeamAttributes(attributes))
    platform = tdx_verdict(info, pck, launched)
    tcb = platform.converged(qe)
    if now is None:
        return Standing(tcb=tcb, platform=platform, current=None)
    current = tdx_verdict(info, pck, TeeTcbSvn(now)).converged(qe)
    return Standing(tcb=relaunched(tcb, current), platform=platform, current=current)
