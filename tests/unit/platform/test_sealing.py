"""Who gets which seal key: the rules that make sealing worth anything."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import PlatformRejected
from caisson.platform.cpu import Cpu
from caisson.platform.derivation import Fuses
from caisson.sgx import Attributes, CpuSvn, Flags, KeyName, KeyPolicy, KeyRequest

BOTH = KeyPolicy.MRENCLAVE | KeyPolicy.MRSIGNER
EVERY_FLAG = Attributes(flags=2**64 - 1, xfrm=2**64 - 1)


def request(policy=KeyPolicy.MRSIGNER, **changes):
    plain = KeyRequest(
        key_name=KeyName.SEAL,
        key_policy=policy,
        isv_svn=3,
        cpu_svn=CpuSvn(bytes(16)),
        attribute_mask=Attributes(flags=int(Flags.INIT | Flags.DEBUG), xfrm=0),
        key_id=bytes(32),
        misc_mask=0,
        config_svn=0,
    )
    return replace(plain, **changes)


def refused(enclave, asked):
    with pytest.raises(PlatformRejected) as caught:
        enclave.egetkey(asked)
    return caught.value.code


@pytest.fixture
def enclave(platform, program):
    return program.launch(platform)


@pytest.mark.parametrize("policy", [KeyPolicy.MRENCLAVE, KeyPolicy.MRSIGNER, BOTH])
def test_same_enclave_gets_the_same_key_again(platform, program, enclave, policy):
    assert len(enclave.egetkey(request(policy))) == 16
    assert enclave.egetkey(request(policy)) == program.launch(platform).egetkey(request(policy))


def test_key_for_mrsigner_is_shared_by_programs_of_one_signer(platform, make_program, enclave):
    other = make_program("other").launch(platform)
    assert other.egetkey(request(KeyPolicy.MRSIGNER)) == enclave.egetkey(request(KeyPolicy.MRSIGNER))


@pytest.mark.parametrize("policy", [KeyPolicy.MRENCLAVE, BOTH])
def test_key_for_mrenclave_is_not_shared_with_another_program(platform, make_program, enclave, policy):
    other = make_program("other").launch(platform)
    assert other.egetkey(request(policy)) != enclave.egetkey(request(policy))


@pytest.mark.parametrize("policy", [KeyPolicy.MRSIGNER, BOTH])
def test_key_for_mrsigner_is_not_shared_with_another_signer(platform, make_program, other_key, enclave, policy):
    other = make_program(key=other_key).launch(platform)
    assert other.egetkey(request(policy)) != enclave.egetkey(request(policy))


def test_other_product_of_the_signer_gets_another_key(platform, make_program, enclave):
    other = make_program(prod_id=8).launch(platform)
    assert other.egetkey(request()) != enclave.egetkey(request())


def test_newer_version_can_read_what_an_older_one_sealed(platform, make_program, enclave):
    newer = make_program("program 2", svn=4).launch(platform)
    assert newer.egetkey(request(isv_svn=3)) == enclave.egetkey(request(isv_svn=3))


def test_older_version_cannot_read_what_a_newer_one_sealed(platform, make_program):
    newer = make_program("program 2", svn=4).launch(platform)
    older = make_program(svn=3).launch(platform)
    assert newer.egetkey(request(isv_svn=4)) != newer.egetkey(request(isv_svn=3))
    assert refused(older, request(isv_svn=4)) == "SGX_INVALID_ISVSVN"


@pytest.mark.parametrize("component", [0, 7, 15])
def test_cpu_svn_beyond_the_platform_is_refused(platform, enclave, component):
    beyond = bytearray(platform.cpu.cpu_svn.value)
    beyond[component] += 1
    assert refused(enclave, request(cpu_svn=CpuSvn(bytes(beyond)))) == "SGX_INVALID_CPUSVN"


def test_cpu_svn_counts(platform, enclave):
    assert enclave.egetkey(request(cpu_svn=platform.cpu.cpu_svn)) != enclave.egetkey(request())


def test_debug_enclave_never_gets_the_key_of_its_production_twin(platform, program, debug_program):
    """Even with an empty mask: DEBUG always counts, or anyone with a debugger would read sealed data."""
    asked = request(KeyPolicy.MRENCLAVE, attribute_mask=Attributes(flags=0, xfrm=0))
    assert debug_program.launch(platform).egetkey(asked) != program.launch(platform).egetkey(asked)


def test_attributes_outside_the_mask_do_not_count(platform, make_program, enclave):
    avx = make_program(attributes=Attributes(flags=0x4, xfrm=0x7)).launch(platform)
    assert avx.egetkey(request()) == enclave.egetkey(request())
    strict = request(attribute_mask=EVERY_FLAG)
    assert avx.egetkey(strict) != enclave.egetkey(strict)


@pytest.mark.parametrize(
    "change",
    [
        {"key_id": b"\1" * 32},
        {"isv_svn": 2},
        {"key_policy": BOTH},
        {"attribute_mask": EVERY_FLAG},
        {"misc_mask": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_member_of_the_request_counts(enclave, change):
    assert enclave.egetkey(request(**change)) != enclave.egetkey(request())


def test_other_processor_derives_another_key(make_platform, program, enclave):
    assert program.launch(make_platform()).egetkey(request(BOTH)) != enclave.egetkey(request(BOTH))


def test_owner_epoch_changes_every_key(program):
    def sealed(epoch):
        fuses = Fuses(root_key=b"r" * 16, owner_epoch=epoch)
        cpu = Cpu(fuses=fuses, cpu_svn=CpuSvn(bytes(16)), report_key_id=bytes(32))
        enclave = cpu.launch(attributes=program.attributes, misc_select=0, log=program.log, sigstruct=program.sigstruct)
        return enclave.egetkey(request())

    assert sealed(bytes(16)) == sealed(bytes(16)) != sealed(b"\1" * 16)


@pytest.mark.parametrize("name", [KeyName.EINITTOKEN, KeyName.PROVISION, KeyName.PROVISION_SEAL])
def test_keys_of_architectural_enclaves_are_refused(enclave, name):
    assert refused(enclave, request(key_name=name)) == "SGX_INVALID_KEYNAME"


def test_config_svn_needs_key_separation_and_sharing(enclave):
    assert refused(enclave, request(config_svn=1)) == "SGX_INVALID_ATTRIBUTE"


def test_seal_key_is_no_report_key(enclave):
    assert enclave.egetkey(request(KeyPolicy.MRENCLAVE)) != enclave.egetkey(request(key_name=KeyName.REPORT))


def test_fuses_are_not_printed():
    fuses = Fuses.of(b"secret-secret-ro" + b"secret-secret-ep")
    assert "secret" not in repr(fuses)


@given(st.binary(min_size=32, max_size=32))
def test_fuses_survive_their_encoding(raw):
    assert Fuses.of(raw).encode() == raw
