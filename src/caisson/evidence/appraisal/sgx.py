"""What is asked of an enclave."""

from collections.abc import Iterator

from caisson.evidence.appraisal.rules import DEBUG_ENCLAVE, none_fits, unequal
from caisson.evidence.policy import EnclaveRule, Policy
from caisson.sgx import ReportBody


def enclave_mismatches(report: ReportBody, policy: Policy) -> Iterator[str]:
    """Give everything about an enclave that a policy does not accept."""
    if report.attributes.debug and not policy.allow_debug:
        yield DEBUG_ENCLAVE
    yield from none_fits(
        policy.enclaves, lambda rule: enclave_differences(report, rule), noun="enclave", name="enclaves"
    )


def enclave_differences(report: ReportBody, rule: EnclaveRule) -> Iterator[str]:
    """Say how an enclave differs from one that would be accepted."""
    yield from unequal(
        (
            ("mrenclave", report.mr_enclave, rule.mr_enclave),
            ("mrsigner", report.mr_signer, rule.mr_signer),
            ("isv_prod_id", report.isv_prod_id, rule.isv_prod_id),
        )
    )
    if rule.minimum_isv_svn is not None and report.isv_svn < rule.minimum_isv_svn:
        yield f"isv_svn is {report.isv_svn}, less than {rule.minimum_isv_svn}"
