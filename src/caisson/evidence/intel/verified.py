"""What verification establishes. These types are made by verification and by nothing else."""

from dataclasses import dataclass
from datetime import datetime

from caisson.evidence.intel.pck import Pck
from caisson.evidence.intel.tcb_status import TcbVerdict
from caisson.evidence.roots import INTEL_SGX_ROOT, RootKey
from caisson.sgx import ReportBody, ReportData
from caisson.tdx import TdBody


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPlatform:
    """What is known of the platform that vouches for a genuine quote, under `root`.

    Genuine is not acceptable: what was quoted may be anybody's, in debug mode, on a platform whose TCB is
    revoked. `appraise` judges that; nothing should rely on a quote that was not appraised.

    `tcb` joins the verdicts on the platform (`platform_tcb`) and on its quoting enclave (`qe_tcb`).
    `tcb_evaluation_data_number` is the lower one of TCB info and QE identity, and `collateral_issued`
    is when the oldest of both and the PCK's revocation list was issued. The whole argument holds until `expires`,
    when the first part of it is due to be replaced.
    """

    root: RootKey
    root_name: str
    pck: Pck
    tcb: TcbVerdict
    platform_tcb: TcbVerdict
    qe_tcb: TcbVerdict
    tcb_evaluation_data_number: int
    collateral_issued: datetime
    verified_at: datetime
    expires: datetime

    @property
    def on_hardware(self) -> bool:
        """Whether the platform is Intel's; any other root is a software platform's and protects nothing."""
        return self.root == INTEL_SGX_ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedQuote(VerifiedPlatform):
    """A genuine quote of an enclave: the platform vouches for `report`."""

    report: ReportBody

    @property
    def debug(self) -> bool:
        """Whether the host may read the enclave's memory."""
        return self.report.attributes.debug

    @property
    def report_data(self) -> ReportData:
        """What the enclave had vouched for beside itself."""
        return self.report.report_data


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedTd(VerifiedPlatform):
    """A genuine quote of a trust domain: the platform vouches for `body`.

    `platform_tcb` joins the verdicts on the platform and on its TDX module, at the domain's launch; `tcb` also counts
    what was updated below the domain since. `current_tcb` is about what runs now; it is `None` under TDX 1.0, which
    does not tell.
    """

    body: TdBody
    current_tcb: TcbVerdict | None

    @property
    def debug(self) -> bool:
        """Whether any bit that makes the domain untrusted is set, debugging by the host among them."""
        return self.body.td_attributes.under_debug

    @property
    def report_data(self) -> ReportData:
        """What the domain had vouched for beside itself."""
        return self.body.report_data
