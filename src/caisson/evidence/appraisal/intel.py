"""What is asked of Intel's platforms and collateral, whatever runs on them."""

from collections.abc import Iterator

from caisson.abi import ReportData
from caisson.evidence.appraisal.rules import too_old
from caisson.evidence.intel.pck import Pck
from caisson.evidence.intel.verified import VerifiedPlatform
from caisson.evidence.policy import IntelPolicy, PlatformName


def platform_mismatches(quote: VerifiedPlatform, policy: IntelPolicy) -> Iterator[str]:
    """Give everything about the platform and its collateral that a policy does not accept."""
    if quote.root not in policy.roots:
        yield f"root is {quote.root} (`{quote.root_name}`), which is not accepted"
    if quote.tcb.status not in policy.tcb_statuses:
        accepted = ", ".join(sorted(policy.tcb_statuses)) or "none"
        yield f"TCB status is {quote.tcb.status}, accepted: {accepted}"
    if unknown := sorted(set(quote.tcb.advisories) - policy.advisories):
        yield f"TCB level has advisories that are not accepted: {', '.join(unknown)}"
    if quote.tcb_evaluation_data_number < policy.minimum_tcb_evaluation_data_number:
        yield (
            f"TCB evaluation data number is {quote.tcb_evaluation_data_number}, "
            f"at least {policy.minimum_tcb_evaluation_data_number} is asked for"
        )
    days = policy.maximum_collateral_age_days
    yield from too_old("collateral", quote.collateral_issued, at=quote.verified_at, days=days)
    if policy.platforms is not None and not policy.platforms & _names(quote.pck):
        yield f"platform is {', '.join(sorted(map(str, _names(quote.pck))))}, which is not accepted"


def report_data_mismatches(found: ReportData, accepted: frozenset[ReportData] | None) -> Iterator[str]:
    """Say it if report data are not among those accepted; `None` accepts any."""
    if accepted is not None and found not in accepted:
        yield f"report data are {found}, which is not accepted"


def _names(pck: Pck) -> frozenset[PlatformName]:
    names = {PlatformName(by="fmspc", value=pck.fmspc), PlatformName(by="ppid", value=pck.ppid)}
    if pck.platform_instance is not None:
        names.add(PlatformName(by="instance", value=pck.platform_instance))
    return frozenset(names)
