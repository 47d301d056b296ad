"""The software SGX processor: it measures, initialises, reports and derives keys as the SDM says, and protects nothing.

Source: Intel SDM vol. 3D, chapters 37 and 38 (ECREATE, EADD, EEXTEND, EINIT, EREPORT, EGETKEY).
"""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

from caisson.errors import LaunchRejected, PlatformRejected
from caisson.platform.derivation import KEY_ID_SIZE, ZERO_MR_ENCLAVE, ZERO_MR_SIGNER, Fuses, KeyDependencies, aes_cmac
from caisson.platform.einit import check_sigstruct
from caisson.platform.mac import verify_mac
from caisson.sgx import (
    Attributes,
    CpuSvn,
    Flags,
    KeyName,
    KeyPolicy,
    KeyRequest,
    MrEnclave,
    Report,
    ReportBody,
    ReportData,
    SigStruct,
    TargetInfo,
)

_SUPPORTED_FLAGS = Flags.DEBUG | Flags.MODE64BIT | Flags.PROVISIONKEY
_X87_SSE = 0x3
# x87, SSE, AVX, MPX, AVX-512, PKRU, AMX (SDM vol. 1, 13.1).
_SUPPORTED_XFRM = 0x602FF
_SUPPORTED_MISC = 0x1
# INIT and DEBUG always count, whatever mask a KEYREQUEST brings (EGETKEY, REQUIRED_SEALING_MASK).
_SEALING_MASK = Attributes(flags=int(Flags.INIT | Flags.DEBUG), xfrm=0)


def measure(log: Iterable[bytes]) -> MrEnclave:
    """SHA-256 over an enclave's construction log: what ECREATE, EADD and EEXTEND feed into MRENCLAVE."""
    digest = sha256()
    for piece in log:
        digest.update(piece)
    return MrEnclave(digest.digest())


class Cpu:
    """One processor package. Two with the same fuses derive the same keys; nothing else does."""

    def __init__(self, *, fuses: Fuses, cpu_svn: CpuSvn, report_key_id: bytes) -> None:
        if len(report_key_id) != KEY_ID_SIZE:
            raise ValueError(f"report key id has {len(report_key_id)} bytes, not {KEY_ID_SIZE}")
        self._fuses = fuses
        self._report_key_id = report_key_id
        self.cpu_svn = cpu_svn

    def launch(
        self, *, attributes: Attributes, misc_select: int, log: Iterable[bytes], sigstruct: SigStruct
    ) -> "Enclave":
        """Build an enclave from its construction log and initialise it.

        Raises:
            LaunchRejected: EINIT refuses; `code` says why.
        """
        return self.initialise(
            attributes=attributes, misc_select=misc_select, mr_enclave=measure(log), sigstruct=sigstruct
        )

    def initialise(
        self, *, attributes: Attributes, misc_select: int, mr_enclave: MrEnclave, sigstruct: SigStruct
    ) -> "Enclave":
        """Initialise an enclave whose pages were measured as `mr_enclave`.

        Raises:
            LaunchRejected: ECREATE or EINIT refuses; `code` says why.
        """
        if (
            attributes.flags & ~int(_SUPPORTED_FLAGS)
            or not attributes.flags & Flags.MODE64BIT
            or attributes.xfrm & ~_SUPPORTED_XFRM
            or attributes.xfrm & _X87_SSE != _X87_SSE
            or misc_select & ~_SUPPORTED_MISC
        ):
            raise LaunchRejected(
                "SGX_INVALID_ATTRIBUTE",
                f"this processor has no enclaves with FLAGS {attributes.flags:#x}, XFRM {attributes.xfrm:#x} "
                f"and MISCSELECT {misc_select:#x}",
            )
        check_sigstruct(sigstruct, mr_enclave=mr_enclave, attributes=attributes, misc_select=misc_select)
        return Enclave(
            self,
            ReportBody(
                cpu_svn=self.cpu_svn,
                misc_select=misc_select,
                isv_ext_prod_id=bytes(16),
                attributes=Attributes(flags=attributes.flags | Flags.INIT, xfrm=attributes.xfrm),
                mr_enclave=mr_enclave,
                mr_signer=sigstruct.mr_signer,
                config_id=bytes(64),
                isv_prod_id=sigstruct.isv_prod_id,
                isv_svn=sigstruct.isv_svn,
                config_svn=0,
                isv_family_id=bytes(16),
                report_data=ReportData(bytes(ReportData.SIZE)),
            ),
        )

    def report_key(self, target: TargetInfo, key_id: bytes) -> bytes:
        """The key that only this processor and `target` itself can have."""
        return KeyDependencies(
            key_name=KeyName.REPORT,
            cpu_svn=self.cpu_svn,
            key_id=key_id,
            attributes=target.attributes,
            misc_select=target.misc_select,
            mr_enclave=target.mr_enclave,
            config_id=target.config_id,
            config_svn=target.config_svn,
        ).derive(self._fuses)

    def ereport(self, body: ReportBody, target: TargetInfo) -> Report:
        """Vouch for `body` towards `target`."""
        key = self.report_key(target, self._report_key_id)
        return Report(body=body, key_id=self._report_key_id, mac=aes_cmac(key, body.encode()))

    def seal_key(self, body: ReportBody, request: KeyRequest) -> bytes:
        """Derive the seal key that `request` describes for the enclave `body`."""
        mask = request.attribute_mask
        counted = Attributes(flags=mask.flags | _SEALING_MASK.flags, xfrm=mask.xfrm)
        policy = request.key_policy
        return KeyDependencies(
            key_name=KeyName.SEAL,
            cpu_svn=request.cpu_svn,
            key_id=request.key_id,
            attributes=body.attributes.masked(counted),
            attribute_mask=mask,
            misc_select=body.misc_select & request.misc_mask,
            misc_mask=request.misc_mask,
            mr_enclave=body.mr_enclave if KeyPolicy.MRENCLAVE in policy else ZERO_MR_ENCLAVE,
            mr_signer=body.mr_signer if KeyPolicy.MRSIGNER in policy else ZERO_MR_SIGNER,
            isv_prod_id=body.isv_prod_id,
            isv_svn=request.isv_svn,
            key_policy=policy,
        ).derive(self._fuses)


class Enclave:
    """A running enclave: its identity, and the two instructions it may use."""

    def __init__(self, cpu: Cpu, identity: ReportBody) -> None:
        self._cpu = cpu
        self.identity = identity

    @property
    def target_info(self) -> TargetInfo:
        """What others put into EREPORT to address this enclave."""
        return TargetInfo.of(self.identity)

    def ereport(self, target: TargetInfo, report_data: ReportData) -> Report:
        """EREPORT: a REPORT that only `target`, on this processor, can check."""
        return self._cpu.ereport(replace(self.identity, report_data=report_data), target)

    def egetkey(self, request: KeyRequest) -> bytes:
        """EGETKEY: 16 bytes that this enclave may have.

        Raises:
            PlatformRejected: a key of a higher security version, or one this enclave may not derive.
        """
        match request.key_name:
            case KeyName.REPORT:
                return self._cpu.report_key(self.target_info, request.key_id)
            case KeyName.SEAL:
                self._check_versions(request)
                return self._cpu.seal_key(self.identity, request)
            case _:
                raise PlatformRejected(
                    "SGX_INVALID_KEYNAME", f"this platform derives no {request.key_name.name} key for an enclave"
                )

    def verify_report(self, report: Report) -> ReportBody:
        """Check a REPORT that another enclave of this processor made for this one: local attestation.

        Raises:
            PlatformRejected: made for another enclave, on another processor, or changed since.
        """
        return verify_mac(report, self._cpu.report_key(self.target_info, report.key_id))

    def _check_versions(self, request: KeyRequest) -> None:
        if any(asked > present for asked, present in zip(request.cpu_svn.value, self._cpu.cpu_svn.value, strict=True)):
            raise PlatformRejected(
                "SGX_INVALID_CPUSVN", f"CPUSVN {request.cpu_svn} is beyond the platform's {self._cpu.cpu_svn}"
            )
        if request.isv_svn > self.identity.isv_svn:
            raise PlatformRejected(
                "SGX_INVALID_ISVSVN", f"ISVSVN {request.isv_svn} is above the enclave's {self.identity.isv_svn}"
            )
        if request.config_svn:
            raise PlatformRejected("SGX_INVALID_ATTRIBUTE", "CONFIGSVN needs the KSS attribute")
