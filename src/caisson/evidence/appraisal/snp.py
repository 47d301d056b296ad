"""What is asked of an SEV-SNP guest and of the processor it runs on."""

from collections.abc import Iterator
from enum import IntFlag

from caisson.evidence.appraisal.intel import report_data_mismatches
from caisson.evidence.appraisal.rules import DEBUG_GUEST, NO_REVOCATION_LIST, none_fits, too_old, unequal
from caisson.evidence.policy import GuestRule, SnpPolicy
from caisson.evidence.snp.verified import VerifiedSnpReport
from caisson.snp import Mitigations, PlatformFlags, PolicyFlags, Report, SigningKey


def snp_mismatches(verified: VerifiedSnpReport, policy: SnpPolicy) -> Iterator[str]:
    """Give everything about a genuine report that a policy does not accept."""
    yield from _key(verified, policy)
    yield from _firmware(verified, policy)
    yield from _guest(verified.report, policy)


def guest_differences(report: Report, rule: GuestRule) -> Iterator[str]:
    """Say how a guest differs from one that would be accepted."""
    yield from unequal(
        (
            ("measurement", report.measurement, rule.measurement),
            ("host_data", report.host_data, rule.host_data),
            ("id_key_digest", report.id_key_digest, rule.id_key_digest),
            ("author_key_digest", report.author_key_digest, rule.author_key_digest),
            ("family_id", report.family_id, rule.family_id),
            ("image_id", report.image_id, rule.image_id),
        )
    )
    if rule.minimum_guest_svn is not None and report.guest_svn < rule.minimum_guest_svn:
        yield f"guest_svn is {report.guest_svn}, less than {rule.minimum_guest_svn}"


def _key(verified: VerifiedSnpReport, policy: SnpPolicy) -> Iterator[str]:
    if verified.root not in policy.roots:
        yield f"root is {verified.root} (`{verified.root_name}`), which is not accepted"
    if verified.signing_key not in policy.signing_keys:
        yield f"report is signed with a {verified.signing_key.name}, which is not accepted"
    if verified.signing_key is SigningKey.VLEK and policy.csp_ids is not None and verified.csp_id not in policy.csp_ids:
        yield f"VLEK is the provider's `{verified.csp_id}`, which is not accepted"
    if verified.revocation_list_issued is not None:
        days = policy.maximum_collateral_age_days
        yield from too_old("revocation list", verified.revocation_list_issued, at=verified.verified_at, days=days)
    elif policy.require_revocation_list:
        yield NO_REVOCATION_LIST
    if policy.chips is not None and verified.chip_id not in policy.chips:
        chip = "hidden" if verified.chip_id.masked else str(verified.chip_id)
        yield f"chip is {chip}, which is not accepted"


def _firmware(verified: VerifiedSnpReport, policy: SnpPolicy) -> Iterator[str]:
    floor = policy.minimum_tcb.get(verified.product.value.lower())
    if floor is None:
        yield f"product is {verified.product.value}, for which `minimum_tcb` names no TCB version"
    elif not floor.at_most(verified.reported_tcb):
        yield f"reported TCB version is ({verified.reported_tcb}), at least ({floor}) is asked for"
    elif not floor.at_most(verified.launch_tcb):
        # An update below a running guest does not undo what it was exposed to before.
        yield f"guest was launched on the TCB version ({verified.launch_tcb}), at least ({floor}) is asked for"
    report = verified.report
    provisional = report.committed < report.current or not verified.current_tcb.at_most(verified.committed_tcb)
    if provisional and not policy.allow_provisional_firmware:
        yield "firmware is provisional: it can still be rolled back to what was committed"
    if lacking := policy.required_platform & ~report.platform_info:
        yield f"platform information lacks {_names(PlatformFlags, lacking)}"
    if unwanted := policy.forbidden_platform & report.platform_info:
        yield f"platform information has {_names(PlatformFlags, unwanted)}, which is not accepted"
    yield from _mitigations(report, policy.required_mitigations)


def _mitigations(report: Report, required: frozenset[int]) -> Iterator[str]:
    known = report.mitigations or Mitigations(launch=0, current=0)
    for when, vector in (("when the guest was launched", known.launch), ("now", known.current)):
        if lacking := sorted(bit for bit in required if not vector >> bit & 1):
            yield f"mitigations are not known to be in force {when}: {', '.join(map(str, lacking))}"


def _guest(report: Report, policy: SnpPolicy) -> Iterator[str]:
    if report.policy.debug and not policy.allow_debug:
        yield DEBUG_GUEST
    if report.policy.migratable and not policy.allow_migration:
        yield "guest may be migrated by an agent"
    if report.policy.cxl and not policy.allow_cxl:
        yield "guest may have memory or devices on CXL"
    if report.policy.smt and not policy.allow_smt:
        yield "guest may share cores with other threads (SMT)"
    if lacking := policy.required_policy & ~report.policy.bits:
        yield f"guest's policy lacks {_names(PolicyFlags, lacking)}"
    if report.vmpl not in policy.vmpls:
        yield f"report was asked for at privilege level {report.vmpl}, which is not accepted"
    yield from report_data_mismatches(report.report_data, policy.report_data)
    yield from none_fits(policy.guests, lambda rule: guest_differences(report, rule), noun="guest", name="guests")


def _names(kind: type[IntFlag], bits: int) -> str:
    return ", ".join(flag.name or "" for flag in kind if flag & bits)
