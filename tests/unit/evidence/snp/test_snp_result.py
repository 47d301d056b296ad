"""What a result tells of a genuine SNP report, fact by fact, and claims of it."""

from dataclasses import replace

from caisson.evidence import AttestationResult, TrustVector
from caisson.evidence.snp import AMD_ROOTS, verify_snp
from caisson.sgx import ReportData
from caisson.snp import (
    FamilyId,
    GuestPolicy,
    HostData,
    ImageId,
    KeyDigest,
    Measurement,
    Mitigations,
    PlatformFlags,
)
from tests.unit.evidence.snp.conftest import CHIP


def test_a_result_tells_of_a_guest(maker):
    report = maker.report(
        version=5,
        measurement=Measurement(b"M" * 48),
        host_data=HostData(b"H" * 32),
        id_key_digest=KeyDigest(b"I" * 48),
        author_key_digest=KeyDigest(b"A" * 48),
        family_id=FamilyId(b"F" * 16),
        image_id=ImageId(b"G" * 16),
        guest_svn=3,
        policy=GuestPolicy(bits=0x30000),
        platform_info=int(PlatformFlags.SMT_EN | PlatformFlags.ECC_EN),
        report_data=ReportData(bytes(range(64))),
        vmpl=1,
        mitigations=Mitigations(launch=1, current=3),
    )
    case = maker.case(report=report)
    verified = verify_snp(case.report, case.vek, case.chain, crl=maker.crl(), roots=case.roots, at=case.at)
    tcb = "bootloader 10, tee 0, snp 23, microcode 84"
    assert AttestationResult.of(verified, policy=None).facts == {
        "measurement": "4d" * 48,
        "host_data": "48" * 32,
        "id_key_digest": "49" * 48,
        "author_key_digest": "41" * 48,
        "family_id": "46" * 16,
        "image_id": "47" * 16,
        "guest_svn": 3,
        "guest_policy": ["SMT"],
        "platform_info": ["SMT_EN", "ECC_EN"],
        "debug": False,
        "report_data": bytes(range(64)).hex(),
        "vmpl": 1,
        "signing_key": "VCEK",
        "csp_id": None,
        "product": "Genoa",
        "chip_id": CHIP.hex(),
        "reported_tcb": tcb,
        "committed_tcb": tcb,
        "launch_tcb": tcb,
        "mitigations": {"launch": 1, "current": 3},
        "revocation_checked": True,
        "root": str(verified.root),
        "root_name": "ARK-Genoa",
        "hardware": False,
    }


def test_of_amds_firmware_nobody_says_how_current_it_is(maker):
    case = maker.case()
    verified = verify_snp(case.report, case.vek, case.chain, roots=case.roots, at=case.at)
    (root, *_) = AMD_ROOTS
    vector = TrustVector.of(replace(verified, root=root), approved=True)
    assert vector == TrustVector(hardware=2, configuration=0, executables=3, runtime_opaque=2)
