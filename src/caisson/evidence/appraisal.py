"""Appraisal: is this genuine evidence what we want? All mismatches are reported, not the first."""

from collections.abc import Iterator
from dataclasses import dataclass

from caisson.errors import PolicyRejected
from caisson.evidence.policy import EnclaveRule, Policy
from caisson.evidence.verified import VerifiedQuote
from caisson.sgx import ReportBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """A quote that a policy accepts, and the rule by which it does."""

    quote: VerifiedQuote
    rule: EnclaveRule


def appraise(quote: VerifiedQuote, policy: Policy) -> Appraisal:
    """Compare a genuine quote with a policy.

    Raises:
        PolicyRejected: it is not acceptable; `reasons` lists every mismatch.
    """
    reasons = mismatches(quote, policy)
    rule = next((rule for rule in policy.enclaves if not tuple(_differences(quote.report, rule))), None)
    if reasons or rule is None:
        raise PolicyRejected(reasons, hint="`caisson policy explain FILE` says what the policy accepts")
    return Appraisal(quote=quote, rule=rule)


def mismatches(quote: VerifiedQuote, policy: Policy) -> tuple[str, ...]:
    """Give everything about a genuine quote that a policy does not accept."""
    return tuple(_platform(quote, policy)) + tuple(_enclave(quote.report, policy))


def _platform(quote: VerifiedQuote, policy: Policy) -> Iterator[str]:
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


def _enclave(report: ReportBody, policy: Policy) -> Iterator[str]:
    if report.attributes.debug and not policy.allow_debug:
        yield "enclave is a debug enclave: its memory is open to whoever runs it"
    if not policy.enclaves:
        yield "no enclave is accepted: `enclaves` is empty"
        return
    differences = [tuple(_differences(report, rule)) for rule in policy.enclaves]
    if all(differences):
        yield "enclave is none of those accepted: " + "; or ".join(
            ", ".join(difference) for difference in dict.fromkeys(differences)
        )


def _differences(report: ReportBody, rule: EnclaveRule) -> Iterator[str]:
    for name, found, expected in (
        ("mrenclave", report.mr_enclave, rule.mr_enclave),
        ("mrsigner", report.mr_signer, rule.mr_signer),
        ("isv_prod_id", report.isv_prod_id, rule.isv_prod_id),
    ):
        if expected not in (None, found):
            yield f"{name} is {found}, not {expected}"
    if rule.minimum_isv_svn is not None and report.isv_svn < rule.minimum_isv_svn:
        yield f"isv_svn is {report.isv_svn}, less than {rule.minimum_isv_svn}"
