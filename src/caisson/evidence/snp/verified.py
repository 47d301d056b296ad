"""What verification of an SNP report establishes. This type is made by verification and by nothing else."""

from dataclasses import dataclass
from datetime import datetime

from caisson.evidence.roots import AMD_ROOTS, RootKey
from caisson.snp import ChipId, Product, Report, SigningKey, TcbComponents


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSnpReport:
    """A genuine report: a processor of `product` under `root` vouches for `report`.

    Genuine is not acceptable: the guest may be anybody's, may allow debugging or migration, and may run on old
    firmware. A policy decides about them, and about the privilege level (VMPL) that asked for the report.

    `reported_tcb` is what the host lets its guests rely on and what the key is bound to; `committed_tcb` is what the
    chip can not be rolled back from, `current_tcb` what runs now, `launch_tcb` what ran when the guest started.
    `chip_id` is the chip whose VCEK signed, even if the host hides it in the report; under a VLEK it is what the report
    says. `csp_id` names the cloud provider whose VLEK signed; it is `None` for a chip's own key.
    `revocation_list_issued` is when AMD's list was issued; it is `None` where no list was looked at. The argument holds
    until `expires`.
    """

    report: Report
    product: Product
    root: RootKey
    root_name: str
    signing_key: SigningKey
    chip_id: ChipId
    csp_id: str | None
    current_tcb: TcbComponents
    reported_tcb: TcbComponents
    committed_tcb: TcbComponents
    launch_tcb: TcbComponents
    revocation_list_issued: datetime | None
    verified_at: datetime
    expires: datetime

    @property
    def debug(self) -> bool:
        """Whether the host may read the guest's memory."""
        return self.report.policy.debug

    @property
    def revocation_checked(self) -> bool:
        """Whether a revocation list was looked at."""
        return self.revocation_list_issued is not None

    @property
    def on_hardware(self) -> bool:
        """Whether the root is AMD's; any other root protects nothing."""
        return self.root in AMD_ROOTS
