"""A guest's conversation: what it may ask, in which order, and that nothing it sends is more than refused."""

import random
import struct
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from caisson.errors import PlatformRejected
from caisson.platform import Loader, sign_enclave
from caisson.platform.derivation import aes_cmac
from caisson.platform.session import Session
from caisson.platform.wire import HEADER, MAX_REQUEST, Operation, Status, parse_header, refusal, success
from caisson.sgx import Attributes, KeyName, KeyPolicy, KeyRequest, MrEnclave, Quote, Report, TargetInfo

PRODUCTION = Attributes(flags=0x4, xfrm=0x3)
PAL, MANIFEST = b"program", b"manifest"


@pytest.fixture(scope="module")
def loader():
    return Loader(
        construction_log=lambda pal, manifest: (pal, manifest), secs_attributes=lambda _manifest: (PRODUCTION, 0)
    )


@pytest.fixture(scope="module")
def launch_request(signing_key):
    mr_enclave = MrEnclave(sha256(PAL + MANIFEST).digest())
    sigstruct = sign_enclave(signing_key, mr_enclave=mr_enclave, attributes=PRODUCTION, isv_svn=2)
    return struct.pack("<I", len(PAL)) + PAL + struct.pack("<I", len(MANIFEST)) + MANIFEST + sigstruct.encode()


@pytest.fixture
def session(platform, loader):
    return Session(platform, loader)


@pytest.fixture
def launched(session, launch_request):
    ask(session, Operation.LAUNCH, launch_request)
    return session


def ask(session, operation, payload=b""):
    return session.answer(operation, memoryview(payload))


def refused(session, operation, payload=b""):
    with pytest.raises(PlatformRejected) as caught:
        ask(session, operation, payload)
    status, size = HEADER.unpack_from(answer := refusal(caught.value))
    assert status == Status[caught.value.code] != Status.SUCCESS
    assert answer[HEADER.size :].decode().startswith(caught.value.code + ": ")
    assert len(answer) == HEADER.size + size
    return caught.value.code


def seal_request(**changes):
    members = {
        "key_name": KeyName.SEAL,
        "key_policy": KeyPolicy.MRENCLAVE,
        "isv_svn": 2,
        "cpu_svn": PRODUCTION_CPU_SVN,
        "attribute_mask": Attributes(flags=3, xfrm=0),
        "key_id": bytes(32),
        "misc_mask": 0,
        "config_svn": 0,
    }
    return KeyRequest(**{**members, **changes}).encode()


PRODUCTION_CPU_SVN = KeyRequest.parse(bytes((4,)) + bytes(511)).cpu_svn


def test_launch_answers_the_identity(session, launch_request, signing_key):
    answer = ask(session, Operation.LAUNCH, launch_request)
    modulus = signing_key.public_key().public_numbers().n.to_bytes(384, "little")
    assert answer == sha256(PAL + MANIFEST).digest() + sha256(modulus).digest()


def test_whole_way_to_a_quote(launched, platform, verdict):
    target = ask(launched, Operation.QE_TARGET_INFO)
    report = ask(launched, Operation.EREPORT, target + b"d" * 64)
    quote = ask(launched, Operation.QUOTE, report)
    assert Quote.parse(quote).body == Report.parse(report).body
    assert verdict.on(quote, platform.collateral(), platform.root_certificate).status == "UpToDate"


def test_quoting_needs_no_enclave(session, launched, platform):
    """As with aesmd: whoever has a REPORT for the quoting enclave may ask."""
    report = ask(launched, Operation.EREPORT, platform.quoting_enclave.target_info.encode() + bytes(64))
    assert TargetInfo.parse(ask(session, Operation.QE_TARGET_INFO)) == platform.quoting_enclave.target_info
    assert Quote.parse(ask(session, Operation.QUOTE, report))


def test_seal_key_is_the_same_on_every_connection(platform, loader, launch_request):
    keys = set()
    for _ in range(2):
        session = Session(platform, loader)
        ask(session, Operation.LAUNCH, launch_request)
        keys.add(ask(session, Operation.EGETKEY, seal_request()))
    assert len(keys) == 1
    assert len(keys.pop()) == 16


def test_enclaves_of_two_connections_attest_to_each_other(platform, loader, launch_request, launched):
    other = Session(platform, loader)
    ask(other, Operation.LAUNCH, launch_request)
    for prover, verifier in ((launched, other), (other, launched)):
        about_verifier = Report.parse(ask(verifier, Operation.EREPORT, bytes(512 + 64))).body
        report = Report.parse(ask(prover, Operation.EREPORT, TargetInfo.of(about_verifier).encode() + b"hi".ljust(64)))
        key = ask(verifier, Operation.EGETKEY, seal_request(key_name=KeyName.REPORT, key_id=report.key_id))
        assert aes_cmac(key, report.body.encode()) == report.mac


@pytest.mark.parametrize("operation", [Operation.EREPORT, Operation.EGETKEY])
def test_instructions_need_an_enclave(session, platform, operation):
    payload = {
        Operation.EREPORT: platform.quoting_enclave.target_info.encode() + bytes(64),
        Operation.EGETKEY: seal_request(),
    }[operation]
    assert refused(session, operation, payload) == "BAD_REQUEST"


def test_second_launch_is_refused(launched, launch_request):
    assert refused(launched, Operation.LAUNCH, launch_request) == "BAD_REQUEST"


def test_changed_program_is_refused(session, launch_request):
    assert refused(session, Operation.LAUNCH, launch_request.replace(PAL, b"Program")) == "SGX_INVALID_MEASUREMENT"
    assert not session.launched


def test_changed_sigstruct_is_refused(session, launch_request):
    changed = launch_request[:-1] + bytes((launch_request[-1] ^ 1,))
    assert refused(session, Operation.LAUNCH, changed) == "SGX_INVALID_SIGNATURE"


def test_report_for_another_target_is_refused(launched):
    own = TargetInfo.of(Report.parse(ask(launched, Operation.EREPORT, bytes(512 + 64))).body)
    report = ask(launched, Operation.EREPORT, own.encode() + bytes(64))
    assert refused(launched, Operation.QUOTE, report) == "SGX_INVALID_REPORT"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"isv_svn": 3}, "SGX_INVALID_ISVSVN"),
        ({"cpu_svn": type(PRODUCTION_CPU_SVN)(b"\xff" * 16)}, "SGX_INVALID_CPUSVN"),
        ({"key_name": KeyName.PROVISION}, "SGX_INVALID_KEYNAME"),
        ({"config_svn": 1}, "SGX_INVALID_ATTRIBUTE"),
    ],
)
def test_keys_out_of_reach_are_refused_by_name(launched, changes, code):
    assert refused(launched, Operation.EGETKEY, seal_request(**changes)) == code


@pytest.mark.parametrize("size", range(0, 1838, 97))
def test_launch_that_is_cut_short_is_refused(session, launch_request, size):
    assert refused(session, Operation.LAUNCH, launch_request[:size]) in {"BAD_REQUEST", "SGX_INVALID_SIGNATURE"}


def test_launch_with_bytes_left_over_is_refused(session, launch_request):
    assert refused(session, Operation.LAUNCH, launch_request + b"\0") == "BAD_REQUEST"


@pytest.mark.parametrize("size", [2**32 - 1, 2**31, 2**16])
def test_launch_whose_sizes_lie_is_refused(session, launch_request, size):
    assert refused(session, Operation.LAUNCH, struct.pack("<I", size) + launch_request[4:]) == "BAD_REQUEST"


@pytest.mark.parametrize("operation", [0, 6, 255])
def test_unknown_operation_is_refused(operation):
    with pytest.raises(PlatformRejected, match="does not exist"):
        parse_header(HEADER.pack(operation, 0))


@pytest.mark.parametrize(
    ("operation", "size"),
    [(1, MAX_REQUEST + 1), (1, 2**32 - 1), (2, 575), (2, 577), (3, 511), (4, 1), (5, 433), (5, 0)],
)
def test_size_that_a_request_cannot_have_is_refused_before_it_is_read(operation, size):
    with pytest.raises(PlatformRejected, match="cannot have"):
        parse_header(HEADER.pack(operation, size))


@pytest.mark.parametrize(("operation", "size"), [(1, 0), (1, MAX_REQUEST), (2, 576), (3, 512), (4, 0), (5, 432)])
def test_size_that_a_request_has_is_read(operation, size):
    assert parse_header(HEADER.pack(operation, size)) == (operation, size)


def test_success_carries_its_size():
    assert success(b"abc") == b"\0\3\0\0\0abc"


@given(operation=st.sampled_from(Operation), payload=st.binary(max_size=2500))
@example(operation=Operation.EREPORT, payload=b"")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_random_requests_are_answered_or_refused(platform, loader, launch_request, operation, payload):
    for first in (None, launch_request):
        session = Session(platform, loader)
        if first:
            ask(session, Operation.LAUNCH, first)
        try:
            ask(session, operation, payload)
        except PlatformRejected as error:
            refusal(error)


def test_mutated_requests_are_answered_or_refused(platform, loader, launch_request):
    """One to three bytes of a good request changed, a thousand times."""
    dice = random.Random(11)
    session = Session(platform, loader)
    ask(session, Operation.LAUNCH, launch_request)
    target = platform.quoting_enclave.target_info.encode()
    report = ask(session, Operation.EREPORT, target + bytes(64))
    good = {
        Operation.LAUNCH: launch_request,
        Operation.EREPORT: target + bytes(64),
        Operation.EGETKEY: seal_request(),
        Operation.QUOTE: report,
    }
    for _ in range(1000):
        operation = dice.choice(list(good))
        payload = bytearray(good[operation])
        for _ in range(dice.randint(1, 3)):
            payload[dice.randrange(len(payload))] = dice.randrange(256)
        asked = Session(platform, loader) if operation is Operation.LAUNCH else session
        try:
            ask(asked, operation, bytes(payload))
        except PlatformRejected as error:
            refusal(error)
