"""The quoting enclave: it checks an application's REPORT and signs what it says for the world.

Source: Intel SGX ECDSA Quote Library Reference, "Quoting Enclave" and appendix A.
"""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from caisson.platform.architectural import launch_architectural
from caisson.platform.certification import CertificationEnclave
from caisson.platform.cpu import Cpu
from caisson.platform.signing import raw_point, sign_p256
from caisson.sgx import (
    ECDSA_P256,
    INTEL_QE_VENDOR,
    Attributes,
    CertificationData,
    CertificationKind,
    Flags,
    KeyName,
    KeyPolicy,
    KeyRequest,
    QeSignature,
    Quote,
    QuoteHeader,
    Report,
    ReportBody,
    ReportData,
    TargetInfo,
)

QE_PROD_ID = 1
QE_SVN = 8
_AUTHENTICATION_DATA = bytes(range(32))
_VERSION = 3


class QuotingEnclave:
    """An enclave of the same processor whose attestation key the PCK certifies.

    The attestation key is made anew each time the enclave starts, and never leaves it.
    """

    def __init__(
        self,
        cpu: Cpu,
        *,
        certification: CertificationEnclave,
        pce_svn: int,
        pck_chain: bytes,
        signing_key: RSAPrivateKey,
    ) -> None:
        self._enclave = launch_architectural(
            cpu, name="caisson software quoting enclave", isv_prod_id=QE_PROD_ID, isv_svn=QE_SVN, key=signing_key
        )
        self._key = generate_private_key(SECP256R1())
        self._public = raw_point(self._key.public_key())
        binding = sha256(self._public + _AUTHENTICATION_DATA).digest()
        report = self._enclave.ereport(certification.target_info, ReportData(binding.ljust(ReportData.SIZE, b"\0")))
        self._report = report.body
        self._report_signature = certification.certify(report)
        self._certification = CertificationData(kind=CertificationKind.PEM_CHAIN, data=pck_chain)
        self.qe_id = self._enclave.egetkey(_qe_id_request(self._enclave.identity))
        self._header = QuoteHeader(
            version=_VERSION,
            attestation_key_type=ECDSA_P256,
            tee_type=0,
            qe_svn=QE_SVN,
            pce_svn=pce_svn,
            qe_vendor_id=INTEL_QE_VENDOR,
            user_data=self.qe_id.ljust(20, b"\0"),
        )

    @property
    def identity(self) -> ReportBody:
        """What the QE identity of the collateral describes."""
        return self._enclave.identity

    @property
    def target_info(self) -> TargetInfo:
        """For whom an application makes the REPORT that it wants quoted."""
        return self._enclave.target_info

    def quote(self, report: Report) -> Quote:
        """Sign what `report` says, if it was made on this processor for this enclave.

        Raises:
            PlatformRejected: the REPORT's MAC is wrong here.
        """
        body = self._enclave.verify_report(report)
        return Quote(
            header=self._header,
            body=body,
            signature=QeSignature(
                signature=sign_p256(self._key, self._header.encode() + body.encode()),
                attestation_key=self._public,
                qe_report=self._report,
                qe_report_signature=self._report_signature,
                qe_authentication_data=_AUTHENTICATION_DATA,
                certification=self._certification,
            ),
        )


def _qe_id_request(identity: ReportBody) -> KeyRequest:
    """The QE's id is a key that only a quoting enclave of this signer on this processor gets."""
    return KeyRequest(
        key_name=KeyName.SEAL,
        key_policy=KeyPolicy.MRSIGNER,
        isv_svn=0,
        cpu_svn=type(identity.cpu_svn)(bytes(identity.cpu_svn.SIZE)),
        attribute_mask=Attributes(flags=int(Flags.INIT | Flags.DEBUG), xfrm=0),
        key_id=b"QE ID".ljust(32, b"\0"),
        misc_mask=0,
        config_svn=0,
    )
