"""The MAC of a REPORT: what makes it a proof for one enclave on one processor."""

from hmac import compare_digest

from caisson.errors import PlatformRejected
from caisson.platform.derivation import aes_cmac
from caisson.sgx import Report, ReportBody


def verify_mac(report: Report, key: bytes) -> ReportBody:
    """Check a REPORT with the REPORT key of the enclave that it was made for, and give what it says.

    Raises:
        PlatformRejected: made for another enclave, on another processor, or changed since.
    """
    if not compare_digest(aes_cmac(key, report.body.encode()), report.mac):
        raise PlatformRejected(
            "SGX_INVALID_REPORT",
            "the REPORT's MAC is wrong: it was changed, or made for another enclave or on another processor",
            hint="make the REPORT with the target info of the enclave that shall check it",
        )
    return report.body
