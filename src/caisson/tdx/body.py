"""The body of a trust domain's quote: what the TDX module and the CPU say about the domain.

Source: Intel TDX DCAP Quoting Library API, appendix A.3 (quote formats 4 and 5).
"""

from dataclasses import dataclass

from caisson.abi import ReportData, Structure
from caisson.errors import Malformed
from caisson.tdx.attributes import TdAttributes
from caisson.tdx.fixed import (
    CpuSvn,
    DeviceInfo,
    Fmspc,
    MrConfigId,
    MrOwner,
    MrOwnerConfig,
    MrSeam,
    MrServiceTd,
    MrSignerSeam,
    MrTd,
    Rtmr,
    SeamAttributes,
    ServiceTdAttributes,
    TdId,
    TeeTcbSvn,
    Vmid,
    Xfam,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TdBody(Structure):
    """The body that TDX 1.0 defines, 584 bytes; the others begin with it."""

    tee_tcb_svn: TeeTcbSvn
    mr_seam: MrSeam
    mr_signer_seam: MrSignerSeam
    seam_attributes: SeamAttributes
    td_attributes: TdAttributes
    xfam: Xfam
    mr_td: MrTd
    mr_config_id: MrConfigId
    mr_owner: MrOwner
    mr_owner_config: MrOwnerConfig
    rtmr0: Rtmr
    rtmr1: Rtmr
    rtmr2: Rtmr
    rtmr3: Rtmr
    report_data: ReportData

    @property
    def rtmrs(self) -> tuple[Rtmr, Rtmr, Rtmr, Rtmr]:
        """The four run-time measurement registers."""
        return self.rtmr0, self.rtmr1, self.rtmr2, self.rtmr3


@dataclass(frozen=True, slots=True, kw_only=True)
class TdBody15(TdBody):
    """The body of TDX 1.5, 648 bytes.

    `tee_tcb_svn` is what the domain was launched with, `tee_tcb_svn2` what runs now: modules can be updated
    under a running domain.
    """

    tee_tcb_svn2: TeeTcbSvn
    mr_service_td: MrServiceTd


@dataclass(frozen=True, slots=True, kw_only=True)
class TdBody15Ex(TdBody15):
    """The extended body of TDX 1.5, 885 bytes: devices, and where a migrated domain came from."""

    vmid: Vmid
    td_id: TdId
    device_info: DeviceInfo
    initial_service_td: MrServiceTd
    initial_service_td_attributes: ServiceTdAttributes
    initial_cpu_svn: CpuSvn
    initial_tee_tcb_svn: TeeTcbSvn
    initial_fmspc: Fmspc
    current_service_td: MrServiceTd
    current_service_td_attributes: ServiceTdAttributes


_BODIES: dict[int, type[TdBody]] = {body.size(): body for body in (TdBody, TdBody15, TdBody15Ex)}


def parse_td_body(raw: bytes) -> TdBody:
    """Read a body of any version; each has a length of its own.

    Raises:
        Malformed: a length that no version has.
    """
    body = _BODIES.get(len(raw))
    if body is None:
        sizes = ", ".join(str(size) for size in _BODIES)
        raise Malformed(f"trust domain's body has {len(raw)} bytes, not one of {sizes}")
    return body.parse(raw)
