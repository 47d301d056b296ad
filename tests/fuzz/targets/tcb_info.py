"""TCB infos for enclaves and for trust domains, as if Intel had signed them."""

from caisson.evidence.intel.tcb import TcbInfo
from caisson.evidence.intel.tdx.levels import tdx_verdict
from caisson.tdx import TeeTcbSvn
from tests.fuzz.evidence import DOMAIN, PCK, SCENE, each, real_collateral


def check(raw):
    each(lambda: TcbInfo.parse(raw, tee="SGX").verdict(PCK), lambda: _domain(raw))


def _domain(raw):
    info = TcbInfo.parse(raw, tee="TDX")
    for octets in (bytes(16), bytes([1] * 16), bytes([5, 1, 3, *[0] * 13]), b"\xff" * 16):
        tdx_verdict(info, PCK, TeeTcbSvn(octets))


def extra_seeds():
    ours = [scene.collateral["tcb_info"] for scene in (SCENE, DOMAIN)]
    theirs = sorted({bundle["tcb_info"] for bundle in real_collateral()}, key=len)
    return [text.encode() for text in (*ours, *theirs[:20])]
