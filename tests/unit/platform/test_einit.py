"""EINIT refuses, one by one, what the SDM says it refuses."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from caisson.errors import LaunchRejected, Malformed
from caisson.platform import measure
from caisson.sgx import Attributes, Flags, MrEnclave, SigStruct


def flipped(raw, at=0):
    return raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]


def signed_again(sigstruct, key):
    """The same SIGSTRUCT, properly signed with `key`."""
    modulus = key.public_key().public_numbers().n
    unsigned = replace(sigstruct, modulus=modulus.to_bytes(384, "little"))
    signature = int.from_bytes(key.sign(unsigned.signed_bytes, PKCS1v15(), SHA256()), "big")
    square, rest = divmod(signature**2, modulus)
    parts = {"signature": signature, "q1": square, "q2": rest * signature // modulus}
    return replace(unsigned, **{name: value.to_bytes(384, "little") for name, value in parts.items()})


def refused(platform, program):
    with pytest.raises(LaunchRejected) as caught:
        program.launch(platform)
    assert str(caught.value).startswith(f"{caught.value.code}: ")
    return caught.value.code


def test_good_program_is_launched_with_the_identity_it_was_signed_for(platform, program):
    identity = program.launch(platform).identity
    assert identity.mr_enclave == measure(program.log)
    assert identity.mr_signer == program.sigstruct.mr_signer
    assert (identity.isv_prod_id, identity.isv_svn) == (7, 3)
    assert identity.attributes.flags == Flags.INIT | Flags.MODE64BIT
    assert identity.cpu_svn == platform.cpu.cpu_svn


def test_changed_program_byte_is_refused(platform, program):
    changed = replace(program, log=(flipped(program.log[0]),))
    assert refused(platform, changed) == "SGX_INVALID_MEASUREMENT"


def test_order_of_the_log_counts(platform, program):
    assert refused(platform, replace(program, log=(program.log[0], b"more"))) == "SGX_INVALID_MEASUREMENT"


def test_measurement_changed_after_signing_is_refused(platform, program):
    assert refused(platform, program.but(mr_enclave=MrEnclave(bytes(32)))) == "SGX_INVALID_SIGNATURE"


@pytest.mark.parametrize("member", ["signature", "q1", "q2", "modulus"])
@pytest.mark.parametrize("at", [0, 200, 383])
def test_flipped_bit_of_the_signature_is_refused(platform, program, member, at):
    changed = program.but(**{member: flipped(getattr(program.sigstruct, member), at)})
    assert refused(platform, changed) == "SGX_INVALID_SIGNATURE"


@pytest.mark.parametrize(
    "changes",
    [
        {"isv_prod_id": 8},
        {"isv_svn": 4},
        {"date": "20261124"},
        {"sw_defined": 1},
        {"misc_mask": 0},
        {"attribute_mask": Attributes(flags=0, xfrm=0)},
        {"isv_family_id": b"\1" * 16},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_signed_member_changed_after_signing_is_refused(platform, program, changes):
    assert refused(platform, program.but(**changes)) == "SGX_INVALID_SIGNATURE"


@pytest.mark.parametrize("at", range(0, SigStruct.SIZE, 61))
def test_no_byte_of_the_sigstruct_can_be_flipped(platform, program, at):
    try:
        changed = SigStruct.parse(flipped(program.sigstruct.encode(), at))
    except Malformed:
        return
    assert refused(platform, replace(program, sigstruct=changed)) == "SGX_INVALID_SIGNATURE"


def test_signature_of_another_key_under_this_modulus_is_refused(platform, program, make_program, other_key):
    other = make_program(key=other_key).sigstruct
    changed = program.but(signature=other.signature, q1=other.q1, q2=other.q2)
    assert refused(platform, changed) == "SGX_INVALID_SIGNATURE"


def test_exponent_other_than_3_is_refused(platform, program):
    assert refused(platform, program.but(exponent=65537)) == "SGX_INVALID_SIGNATURE"


def test_unknown_vendor_is_refused(platform, program):
    assert refused(platform, program.but(vendor=1)) == "SGX_INVALID_SIGNATURE"


def test_shorter_key_is_refused_although_its_signature_is_good(platform, program):
    short = generate_private_key(public_exponent=3, key_size=2048)
    changed = replace(program, sigstruct=signed_again(program.sigstruct, short))
    assert refused(platform, changed) == "SGX_INVALID_SIGNATURE"


@pytest.mark.parametrize("modulus", [2**3071, 2**3072 - 1, 2**3071 + 2])
def test_modulus_that_no_key_has_is_refused(platform, program, modulus):
    changed = program.but(modulus=modulus.to_bytes(384, "little"))
    assert refused(platform, changed) == "SGX_INVALID_SIGNATURE"


def test_debug_enclave_under_a_production_signature_is_refused(platform, program, debug_program):
    asked = replace(program, attributes=debug_program.attributes)
    assert refused(platform, asked) == "SGX_INVALID_ATTRIBUTE"


def test_production_enclave_under_a_debug_signature_is_refused(platform, program, debug_program):
    asked = replace(debug_program, attributes=program.attributes)
    assert refused(platform, asked) == "SGX_INVALID_ATTRIBUTE"


def test_processor_state_beyond_the_signature_is_refused(platform, program):
    asked = replace(program, attributes=Attributes(flags=4, xfrm=7))
    assert refused(platform, asked) == "SGX_INVALID_ATTRIBUTE"


def test_misc_select_beyond_the_signature_is_refused(platform, program):
    assert refused(platform, replace(program, misc_select=1)) == "SGX_INVALID_ATTRIBUTE"


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes(flags=0x0, xfrm=3),
        Attributes(flags=0x5, xfrm=3),
        Attributes(flags=0x24, xfrm=3),
        Attributes(flags=0x4 | 1 << 63, xfrm=3),
        Attributes(flags=0x4, xfrm=0),
        Attributes(flags=0x4, xfrm=3 | 1 << 40),
    ],
    ids=["32-bit", "init-from-outside", "launch-key", "reserved-flag", "no-sse", "unknown-state"],
)
def test_attributes_that_no_enclave_may_have_are_refused_even_when_signed(platform, make_program, attributes):
    assert refused(platform, make_program(attributes=attributes)) == "SGX_INVALID_ATTRIBUTE"


def test_masked_out_attributes_are_the_loaders_choice(platform, program, signing_key):
    """Gramine leaves AVX to the machine: its bits are not in the mask."""
    mask = Attributes(flags=2**64 - 1, xfrm=0x3)
    free = signed_again(replace(program.sigstruct, attribute_mask=mask, misc_mask=0), signing_key)
    asked = replace(program, sigstruct=free, attributes=Attributes(flags=0x4, xfrm=0xE7), misc_select=1)
    identity = asked.launch(platform).identity
    assert (identity.attributes.xfrm, identity.misc_select) == (0xE7, 1)
    assert refused(platform, replace(asked, attributes=Attributes(flags=0x6, xfrm=0xE7))) == "SGX_INVALID_ATTRIBUTE"
