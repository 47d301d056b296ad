"""Quotes that others accept, for the reason we chose, and that nobody else can make."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import dcap_qvl
import pytest

from caisson.errors import PlatformRejected
from caisson.platform import Machine, PckCa, Revocable, TcbStatus
from caisson.platform.certification import CertificationEnclave
from caisson.sgx import Quote, Report, ReportData

ACCEPTED = [status for status in TcbStatus if status is not TcbStatus.REVOKED]
DATA = ReportData(b"quoted".ljust(64, b"."))


@pytest.fixture
def enclave(platform, program):
    return program.launch(platform)


def test_quote_says_what_the_enclave_is(platform, enclave):
    report = enclave.ereport(platform.quoting_enclave.target_info, DATA)
    raw = platform.quote(report)
    quote = Quote.parse(raw)
    assert quote.body == report.body
    assert quote.encode() == raw
    assert quote.header.user_data[:16] == platform.quoting_enclave.qe_id


def test_attestation_key_is_bound_by_the_quoting_enclaves_report(platform, enclave):
    signature = Quote.parse(platform.quote(enclave.ereport(platform.quoting_enclave.target_info, DATA))).signature
    binding = sha256(signature.attestation_key + signature.qe_authentication_data).digest()
    assert signature.qe_report.report_data.value == binding + bytes(32)
    assert signature.qe_report.mr_signer == platform.quoting_enclave.identity.mr_signer


@pytest.mark.parametrize("status", ACCEPTED)
@pytest.mark.parametrize("ca", PckCa)
def test_dcap_qvl_reports_the_status_we_chose(make_platform, program, verdict, status, ca):
    platform = make_platform(
        machine=Machine(ppid=bytes(range(16)), ca=ca), tcb_status=status, advisories=("INTEL-SA-00615",)
    )
    report = verdict(platform, program.launch(platform))
    assert (report.status, report.advisory_ids) == (status.value, ["INTEL-SA-00615"])


def test_dcap_qvl_reports_no_advisories_where_there_are_none(platform, enclave, verdict):
    report = verdict(platform, enclave)
    assert (report.status, report.advisory_ids) == ("UpToDate", [])


def test_dcap_qvl_reports_an_outdated_quoting_enclave(make_platform, program, verdict):
    platform = make_platform(qe_status=TcbStatus.OUT_OF_DATE, qe_advisories=("INTEL-SA-00334",))
    report = verdict(platform, program.launch(platform))
    assert (report.status, report.advisory_ids) == ("OutOfDate", ["INTEL-SA-00334"])


@pytest.mark.parametrize(
    "standing",
    [
        {"tcb_status": TcbStatus.REVOKED},
        {"qe_status": TcbStatus.REVOKED},
        *({"revoked": frozenset({what})} for what in Revocable),
    ],
    ids=["tcb", "qe", *Revocable],
)
def test_dcap_qvl_refuses_what_is_revoked(make_platform, program, verdict, standing):
    platform = make_platform(**standing)
    with pytest.raises(ValueError, match="Revoked"):
        verdict(platform, program.launch(platform))


def test_dcap_qvl_refuses_a_debug_enclave(platform, debug_program, verdict):
    with pytest.raises(ValueError, match="Debug"):
        verdict(platform, debug_program.launch(platform))


def test_dcap_qvl_refuses_a_root_it_was_not_told_of(platform, make_platform, enclave, verdict):
    with pytest.raises(ValueError, match="Verification failed"):
        verdict(platform, enclave, root=make_platform().root_certificate)


def test_dcap_qvl_refuses_collateral_of_another_platform(platform, make_platform, enclave, verdict):
    with pytest.raises(ValueError, match="Verification failed"):
        verdict(platform, enclave, collateral=make_platform().collateral())


@pytest.mark.parametrize("days", [-2, 31])
def test_dcap_qvl_refuses_another_time(platform, enclave, verdict, now, days):
    with pytest.raises(ValueError, match="Verification failed"):
        verdict(platform, enclave, at=now + timedelta(days=days))


def test_later_collateral_serves_a_later_time(platform, enclave, verdict, now):
    later = now + timedelta(days=100)
    assert verdict(platform, enclave, collateral=platform.collateral(later), at=later).status == "UpToDate"


@pytest.mark.parametrize("name", ["tcb_info", "qe_identity"])
def test_dcap_qvl_refuses_one_changed_letter_of_what_is_signed(platform, enclave, verdict, name):
    collateral = platform.collateral()
    collateral[name] = collateral[name].replace("UpToDate", "UpToDote")
    with pytest.raises(ValueError, match="Verification failed"):
        verdict(platform, enclave, collateral=collateral)


@pytest.mark.parametrize("at", [0, 12, 28, 48, 112, 176, 368, 431, 436, 500, 564, 980, 1012, 1050])
def test_dcap_qvl_refuses_one_flipped_bit_of_a_quote(platform, enclave, verdict, at):
    raw = bytearray(platform.quote(enclave.ereport(platform.quoting_enclave.target_info, DATA)))
    raw[at] ^= 0x01
    with pytest.raises(ValueError, match=r"failed|mismatch|Unsupported|Failed"):
        verdict.on(bytes(raw), platform.collateral(), platform.root_certificate)


def test_dcap_qvl_reads_the_machine_from_the_certificate(platform):
    extension = dcap_qvl.parse_pck_extension_from_pem(platform.provisioning.pck.pem.encode())
    machine = platform.provisioning.machine
    assert bytes(extension.ppid) == machine.ppid
    assert bytes(extension.cpu_svn) == machine.cpu_svn.value
    assert (extension.pce_svn, bytes(extension.pce_id)) == (machine.pce_svn, machine.pce_id)
    assert bytes(extension.fmspc) == machine.fmspc


def test_report_for_another_enclave_is_not_quoted(platform, enclave):
    with pytest.raises(PlatformRejected) as caught:
        platform.quote(enclave.ereport(enclave.target_info, DATA))
    assert caught.value.code == "SGX_INVALID_REPORT"


def test_report_from_another_platform_is_not_quoted(platform, make_platform, program):
    stranger = program.launch(make_platform())
    with pytest.raises(PlatformRejected) as caught:
        platform.quote(stranger.ereport(platform.quoting_enclave.target_info, DATA))
    assert caught.value.code == "SGX_INVALID_REPORT"


@pytest.mark.parametrize("member", ["mac", "key_id"])
def test_flipped_mac_is_not_quoted(platform, enclave, member):
    report = enclave.ereport(platform.quoting_enclave.target_info, DATA)
    value = getattr(report, member)
    with pytest.raises(PlatformRejected) as caught:
        platform.quote(replace(report, **{member: bytes((value[0] ^ 1,)) + value[1:]}))
    assert caught.value.code == "SGX_INVALID_REPORT"


def test_measurement_changed_in_a_report_is_not_quoted(platform, enclave, make_program):
    report = enclave.ereport(platform.quoting_enclave.target_info, DATA)
    other = make_program("other").launch(platform).identity.mr_enclave
    with pytest.raises(PlatformRejected):
        platform.quote(Report(body=replace(report.body, mr_enclave=other), key_id=report.key_id, mac=report.mac))


def test_certification_enclave_certifies_no_application(platform, enclave, signing_key):
    """An application that found the way to the PCK could certify an attestation key of its own."""
    certification = CertificationEnclave(
        platform.cpu, pce_svn=13, pck=platform.provisioning.pck.key, signing_key=signing_key
    )
    with pytest.raises(PlatformRejected) as caught:
        certification.certify(enclave.ereport(certification.target_info, DATA))
    assert caught.value.code == "SGX_INVALID_ATTRIBUTE"


def test_each_start_has_a_new_attestation_key(make_platform, program):
    def key(platform):
        enclave = program.launch(platform)
        raw = platform.quote(enclave.ereport(platform.quoting_enclave.target_info, DATA))
        return Quote.parse(raw).signature.attestation_key

    assert key(make_platform()) != key(make_platform())
