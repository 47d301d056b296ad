"""ATTESTATION_REPORT: what the secure processor says about a guest, signed (56860, table "ATTESTATION_REPORT").

AMD has published no description of version 4, which firmware 1.55.31 gives: what it has is what version 3 has, as
go-sev-guest, virtee/sev and Trustee read it.
"""

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from caisson.abi import ReportData, require_size, require_zero
from caisson.errors import Malformed
from caisson.snp.bits import GuestPolicy, KeyInfo
from caisson.snp.fixed import ChipId, FamilyId, HostData, ImageId, KeyDigest, Measurement, ReportId
from caisson.snp.tcb import Cpuid, TcbVersion

ECDSA_P384_SHA384 = 1

_WITH_CPUID = 3
_WITH_MITIGATIONS = 5
_LAYOUT = struct.Struct("<IIQ16s16sII8sQI4s64s48s32s48s48s32s32s8s3s21s64s8s4s4s8s16s152s")
_SIGNATURE = struct.Struct("<72s72s368s")
_MITIGATIONS = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class FirmwareVersion:
    """The version of the SEV-SNP firmware's ABI, and its build."""

    major: int
    minor: int
    build: int

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Read four bytes: build, minor, major and one that is reserved.

        Raises:
            Malformed: the reserved byte is not zero.
        """
        require_zero(raw[3:], "report")
        return cls(major=raw[2], minor=raw[1], build=raw[0])

    def encode(self) -> bytes:
        """Give the four bytes."""
        return bytes((self.build, self.minor, self.major, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigations:
    """Which mitigations were in force when the guest was launched, and which are now; a bit each."""

    launch: int
    current: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """An ECDSA signature as the firmware writes it: two little-endian numbers of 72 bytes, and 368 zeros."""

    SIZE: ClassVar[int] = 512

    r: int
    s: int

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read 512 bytes.

        Raises:
            Malformed: another length, or reserved bytes that are not zero.
        """
        require_size(raw, cls.SIZE, "signature")
        r, s, reserved = _SIGNATURE.unpack(raw)
        require_zero(reserved, "signature")
        return cls(r=int.from_bytes(r, "little"), s=int.from_bytes(s, "little"))

    def encode(self) -> bytes:
        """Give the 512 bytes."""
        return _SIGNATURE.pack(self.r.to_bytes(72, "little"), self.s.to_bytes(72, "little"), b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report of version 2 to 5; 1,184 bytes.

    `cpuid` exists from version 3 on, `mitigations` from version 5 on, and `None` stands for bytes that are reserved
    before. `vmpl` is 0 to 3 for the guest's own levels and 0xFFFFFFFF for a report that the host asked for.

    Raises:
        Malformed: a version that is not known, or members that this version has not, or lacks.
    """

    SIZE: ClassVar[int] = 1184
    SIGNED_SIZE: ClassVar[int] = 672
    VERSIONS: ClassVar[range] = range(2, 6)

    version: int
    guest_svn: int
    policy: GuestPolicy
    family_id: FamilyId
    image_id: ImageId
    vmpl: int
    signature_algorithm: int
    current_tcb: TcbVersion
    platform_info: int
    key_info: KeyInfo
    report_data: ReportData
    measurement: Measurement
    host_data: HostData
    id_key_digest: KeyDigest
    author_key_digest: KeyDigest
    report_id: ReportId
    report_id_ma: ReportId
    reported_tcb: TcbVersion
    cpuid: Cpuid | None
    chip_id: ChipId
    committed_tcb: TcbVersion
    current: FirmwareVersion
    committed: FirmwareVersion
    launch_tcb: TcbVersion
    mitigations: Mitigations | None
    signature: Signature

    def __post_init__(self) -> None:
        if self.version not in self.VERSIONS:
            raise Malformed(f"report has version {self.version}, not 2 to 5")
        if (self.cpuid is None) != (self.version < _WITH_CPUID):
            raise Malformed(f"report of version {self.version} must say which processor made it from version 3 on only")
        if (self.mitigations is None) != (self.version < _WITH_MITIGATIONS):
            raise Malformed(f"report of version {self.version} must name mitigations from version 5 on only")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read 1,184 bytes. The signature is not checked here.

        Raises:
            Malformed: another length or version, or reserved bytes that are not zero.
        """
        require_size(raw, cls.SIZE, "report")
        (
            version,
            guest_svn,
            policy,
            family_id,
            image_id,
            vmpl,
            algorithm,
            current_tcb,
            platform_info,
            key_info,
            reserved1,
            report_data,
            measurement,
            host_data,
            id_key_digest,
            author_key_digest,
            report_id,
            report_id_ma,
            reported_tcb,
            cpuid,
            reserved2,
            chip_id,
            committed_tcb,
            current,
            committed,
            launch_tcb,
            mitigations,
            reserved3,
        ) = _LAYOUT.unpack_from(raw)
        with_cpuid, with_mitigations = version >= _WITH_CPUID, version >= _WITH_MITIGATIONS
        require_zero(reserved1 + reserved2 + reserved3, "report")
        require_zero((b"" if with_cpuid else cpuid) + (b"" if with_mitigations else mitigations), "report")
        return cls(
            version=version,
            guest_svn=guest_svn,
            policy=GuestPolicy(bits=policy),
            family_id=FamilyId(family_id),
            image_id=ImageId(image_id),
            vmpl=vmpl,
            signature_algorithm=algorithm,
            current_tcb=TcbVersion(current_tcb),
            platform_info=platform_info,
            key_info=KeyInfo.of(key_info),
            report_data=ReportData(report_data),
            measurement=Measurement(measurement),
            host_data=HostData(host_data),
            id_key_digest=KeyDigest(id_key_digest),
            author_key_digest=KeyDigest(author_key_digest),
            report_id=ReportId(report_id),
            report_id_ma=ReportId(report_id_ma),
            reported_tcb=TcbVersion(reported_tcb),
            cpuid=Cpuid(family=cpuid[0], model=cpuid[1], stepping=cpuid[2]) if with_cpuid else None,
            chip_id=ChipId(chip_id),
            committed_tcb=TcbVersion(committed_tcb),
            current=FirmwareVersion.of(current),
            committed=FirmwareVersion.of(committed),
            launch_tcb=TcbVersion(launch_tcb),
            mitigations=_read_mitigations(mitigations) if with_mitigations else None,
            signature=Signature.parse(raw[cls.SIGNED_SIZE :]),
        )

    def encode(self) -> bytes:
        """Give the 1,184 bytes."""
        return self.signed_bytes + self.signature.encode()

    @property
    def signed_bytes(self) -> bytes:
        """The first 672 bytes, which the signature covers."""
        cpuid, mitigations = self.cpuid, self.mitigations
        return _LAYOUT.pack(
            self.version,
            self.guest_svn,
            self.policy.bits,
            self.family_id.value,
            self.image_id.value,
            self.vmpl,
            self.signature_algorithm,
            self.current_tcb.value,
            self.platform_info,
            self.key_info.bits,
            b"",
            self.report_data.value,
            self.measurement.value,
            self.host_data.value,
            self.id_key_digest.value,
            self.author_key_digest.value,
            self.report_id.value,
            self.report_id_ma.value,
            self.reported_tcb.value,
            b"" if cpuid is None else bytes((cpuid.family, cpuid.model, cpuid.stepping)),
            b"",
            self.chip_id.value,
            self.committed_tcb.value,
            self.current.encode(),
            self.committed.encode(),
            self.launch_tcb.value,
            b"" if mitigations is None else _MITIGATIONS.pack(mitigations.launch, mitigations.current),
            b"",
        )


def _read_mitigations(raw: bytes) -> Mitigations:
    launch, current = _MITIGATIONS.unpack(raw)
    return Mitigations(launch=launch, current=current)
