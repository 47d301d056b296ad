"""Appraisal: is this genuine evidence what we want? All mismatches are reported, not the first."""

from collections.abc import Iterator
from dataclasses import dataclass

from caisson.errors import PolicyRejected
from caisson.evidence.appraisal.intel import platform_mismatches, report_data_mismatches
from caisson.evidence.appraisal.rules import DEBUG, NO_REVOCATION_LIST
from caisson.evidence.appraisal.sgx import enclave_differences, enclave_mismatches
from caisson.evidence.appraisal.snp import guest_differences, snp_mismatches
from caisson.evidence.appraisal.tdx import current_mismatches, domain_differences, domain_mismatches
from caisson.evidence.intel.verified import VerifiedQuote, VerifiedTd
from caisson.evidence.policy import AnyPolicy, DomainRule, EnclaveRule, GuestRule, Policy, SnpPolicy, TdxPolicy
from caisson.evidence.snp.verified import VerifiedSnpReport
from caisson.evidence.verified import VerifiedEvidence

__all__ = ["DEBUG", "EXPLAINED", "NO_REVOCATION_LIST", "Appraisal", "appraise", "mismatches"]

EXPLAINED = "`caisson policy explain FILE` says what the policy accepts"

Rule = EnclaveRule | DomainRule | GuestRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """Evidence that a policy accepts, and the rule by which it does."""

    evidence: VerifiedEvidence
    rule: Rule


def appraise(evidence: VerifiedEvidence, policy: AnyPolicy) -> Appraisal:
    """Compare genuine evidence with a policy.

    Raises:
        PolicyRejected: it is not acceptable; `reasons` lists every mismatch.
    """
    reasons = mismatches(evidence, policy)
    rule = next(_fitting(evidence, policy), None)
    if reasons or rule is None:
        raise PolicyRejected(reasons, hint=EXPLAINED)
    return Appraisal(evidence=evidence, rule=rule)


def mismatches(evidence: VerifiedEvidence, policy: AnyPolicy) -> tuple[str, ...]:
    """Give everything about genuine evidence that a policy does not accept."""
    return tuple(_mismatches(evidence, policy))


def _mismatches(evidence: VerifiedEvidence, policy: AnyPolicy) -> Iterator[str]:
    match policy, evidence:
        case Policy(), VerifiedQuote(report=report):
            yield from platform_mismatches(evidence, policy)
            yield from report_data_mismatches(report.report_data, policy.report_data)
            yield from enclave_mismatches(report, policy)
        case TdxPolicy(), VerifiedTd(body=body):
            yield from platform_mismatches(evidence, policy)
            yield from report_data_mismatches(body.report_data, policy.report_data)
            yield from domain_mismatches(body, policy)
            yield from current_mismatches(evidence, policy)
        case SnpPolicy(), VerifiedSnpReport():
            yield from snp_mismatches(evidence, policy)
        case _:
            yield "evidence is of another TEE than the policy"


def _fitting(evidence: VerifiedEvidence, policy: AnyPolicy) -> Iterator[Rule]:
    match policy, evidence:
        case Policy(), VerifiedQuote(report=report):
            yield from (rule for rule in policy.enclaves if not tuple(enclave_differences(report, rule)))
        case TdxPolicy(), VerifiedTd(body=body):
            yield from (rule for rule in policy.domains if not tuple(domain_differences(body, rule)))
        case SnpPolicy(), VerifiedSnpReport(report=report):
            yield from (rule for rule in policy.guests if not tuple(guest_differences(report, rule)))
