"""What verification establishes. These types are made by verification and by nothing else."""

from dataclasses import dataclass
from datetime import datetime

from caisson.evidence.pck import Pck
from caisson.evidence.roots import INTEL_SGX_ROOT, RootKey
from caisson.evidence.tcb import TcbVerdict
from caisson.sgx import ReportBody


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedQuote:
    """A genuine quote: a platform under `root` vouches for `report`, and this is what is known of that platform.

    Genuine is not acceptable: the enclave may be anybody's, in debug mode, on a platform whose TCB is
    revoked. `appraise` judges that; nothing should rely on a quote that was not appraised.

    `tcb` joins the verdicts on the platform (`platform_tcb`) and on its quoting enclave (`qe_tcb`).
    `tcb_evaluation_data_number` is the lower one of TCB info and QE identity. The whole argument
    holds until `expires`, when the first part of it is due to be replaced.
    """

    report: ReportBody
    root: RootKey
    root_name: str
    pck: Pck
    tcb: TcbVerdict
    platform_tcb: TcbVerdict
    qe_tcb: TcbVerdict
    tcb_evaluation_data_number: int
    verified_at: datetime
    expires: datetime

    @property
    def on_hardware(self) -> bool:
        """Whether the platform is Intel's; any other root is a software platform's and protects nothing."""
        return self.root == INTEL_SGX_ROOT
