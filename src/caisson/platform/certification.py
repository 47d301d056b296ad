"""The provisioning certification enclave: it alone holds the PCK, and signs only what an enclave beside it reports.

Source: Intel SGX ECDSA Quote Library Reference, "Provisioning Certification Enclave".
"""

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from caisson.errors import PlatformRejected
from caisson.platform.architectural import launch_architectural
from caisson.platform.cpu import Cpu
from caisson.platform.signing import sign_p256
from caisson.sgx import Flags, Report, TargetInfo

_PROD_ID = 1


class CertificationEnclave:
    """Turns a quoting enclave's REPORT into a signature that ends in the platform's root."""

    def __init__(self, cpu: Cpu, *, pce_svn: int, pck: EllipticCurvePrivateKey, signing_key: RSAPrivateKey) -> None:
        self._pck = pck
        self._enclave = launch_architectural(
            cpu,
            name="caisson software provisioning certification enclave",
            isv_prod_id=_PROD_ID,
            isv_svn=pce_svn,
            key=signing_key,
        )

    @property
    def target_info(self) -> TargetInfo:
        """For whom a quoting enclave makes its REPORT."""
        return self._enclave.target_info

    def certify(self, report: Report) -> bytes:
        """Sign the body of a REPORT with the PCK: r ‖ s, 64 bytes.

        Raises:
            PlatformRejected: the REPORT is not for this enclave, or from one without PROVISIONKEY.
        """
        body = self._enclave.verify_report(report)
        if not body.attributes.flags & Flags.PROVISIONKEY or body.attributes.debug:
            raise PlatformRejected("SGX_INVALID_ATTRIBUTE", "the REPORT is not from a quoting enclave")
        return sign_p256(self._pck, body.encode())
