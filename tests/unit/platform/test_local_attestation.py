"""One enclave proves to another, on the same processor, what it is."""

from dataclasses import replace

import pytest

from caisson.errors import PlatformRejected
from caisson.platform.derivation import aes_cmac
from caisson.sgx import (
    Attributes,
    KeyName,
    KeyPolicy,
    KeyRequest,
    MrEnclave,
    Report,
    ReportData,
    TargetInfo,
)

DATA = ReportData(bytes(range(64)))


@pytest.fixture
def pair(platform, make_program):
    return make_program("one").launch(platform), make_program("two").launch(platform)


def refused(enclave, report):
    with pytest.raises(PlatformRejected) as caught:
        enclave.verify_report(report)
    return caught.value.code


def test_two_enclaves_attest_to_each_other(pair):
    one, two = pair
    for prover, verifier in ((one, two), (two, one)):
        body = verifier.verify_report(prover.ereport(verifier.target_info, DATA))
        assert body == replace(prover.identity, report_data=DATA)


def test_report_is_checked_with_the_key_that_egetkey_gives(platform, pair):
    """The way an enclave does it: EGETKEY for the report's key id, then a CMAC of its own."""
    one, two = pair
    report = one.ereport(two.target_info, DATA)
    key = two.egetkey(
        KeyRequest(
            key_name=KeyName.REPORT,
            key_policy=KeyPolicy(0),
            isv_svn=0,
            cpu_svn=platform.cpu.cpu_svn,
            attribute_mask=Attributes(flags=0, xfrm=0),
            key_id=report.key_id,
            misc_mask=0,
            config_svn=0,
        )
    )
    assert aes_cmac(key, report.body.encode()) == report.mac


def test_aes_cmac_is_that_of_rfc_4493():
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    assert aes_cmac(key, b"").hex() == "bb1d6929e95937287fa37d129b756746"
    assert aes_cmac(key, bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")).hex() == "070a16b46b4d4144f79bdd9dd04a287c"


def test_report_for_another_enclave_is_refused(pair):
    one, two = pair
    assert refused(one, one.ereport(two.target_info, DATA)) == "SGX_INVALID_REPORT"


@pytest.mark.parametrize("at", [0, 16, 48, 64, 128, 256, 320, 383, 384, 415, 416, 431])
def test_flipped_bit_of_a_report_is_refused(pair, at):
    one, two = pair
    raw = bytearray(one.ereport(two.target_info, DATA).encode())
    raw[at] ^= 0x80
    assert refused(two, Report.parse(bytes(raw))) == "SGX_INVALID_REPORT"


def test_report_from_another_processor_is_refused(pair, make_platform, make_program):
    _, two = pair
    stranger = make_program("one").launch(make_platform())
    assert refused(two, stranger.ereport(two.target_info, DATA)) == "SGX_INVALID_REPORT"


@pytest.mark.parametrize(
    "change",
    [
        {"mr_enclave": MrEnclave(bytes(32))},
        {"attributes": Attributes(flags=0x7, xfrm=0x3)},
        {"misc_select": 1},
        {"config_svn": 1},
        {"config_id": b"\1" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_member_of_the_target_info_counts(pair, change):
    one, two = pair
    target = replace(two.target_info, **change)
    assert refused(two, one.ereport(target, DATA)) == "SGX_INVALID_REPORT"


def test_debug_twin_cannot_check_a_report_for_the_production_enclave(platform, make_program, debug_program, pair):
    one, _ = pair
    twin = make_program("program").launch(platform)
    debug_twin = debug_program.launch(platform)
    assert twin.identity.mr_enclave == debug_twin.identity.mr_enclave
    assert refused(debug_twin, one.ereport(twin.target_info, DATA)) == "SGX_INVALID_REPORT"


def test_target_info_describes_the_enclave(pair):
    one, _ = pair
    assert one.target_info == TargetInfo.of(one.identity)
