import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from caisson.errors import (
    CertificateRevoked,
    ChipMismatch,
    Expired,
    GuestPolicyRejected,
    Malformed,
    NotYetValid,
    ProductMismatch,
    Rejected,
    ReportRejected,
    ReportSignatureRejected,
    SigningKeyMismatch,
    TcbMismatch,
    UntrustedRoot,
    UsageError,
    VmplRejected,
)
from caisson.evidence.snp import AMD_ROOTS, verify_snp
from caisson.snp import (
    ChipId,
    Cpuid,
    GuestPolicy,
    KeyInfo,
    Mitigations,
    Product,
    Report,
    Signature,
    SigningKey,
    TcbVersion,
)

AT = datetime(2026, 6, 1, tzinfo=UTC)


def verify(case):
    positional, named = case.arguments()
    return verify_snp(*positional, **named)


def refuse(case, error, match=None):
    with pytest.raises(error, match=match) as raised:
        verify(case)
    assert raised.type is error


@pytest.mark.parametrize("product", ["Milan", "Genoa", "Turin"])
@pytest.mark.parametrize("kind", ["VCEK", "VLEK"])
@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_a_good_report_of_every_kind_is_genuine(maker, product, kind, version):
    report = None
    if version == 5:
        report = maker.report(product, kind, version=5, mitigations=Mitigations(launch=1, current=3))
    case = maker.case(product, kind, version=version, report=report)
    verified = verify(case)
    assert verified.product is Product(product)
    assert verified.signing_key is SigningKey[kind]
    assert verified.report == Report.parse(case.report)
    assert verified.csp_id == ("CN=cloud.example" if kind == "VLEK" else None)
    assert (verified.reported_tcb.fmc is None) == (product != "Turin")
    assert verified.reported_tcb == verified.current_tcb == verified.committed_tcb == verified.launch_tcb
    assert {verified.root} == case.roots
    assert verified.root_name == f"ARK-{product}"
    assert (verified.verified_at, verified.expires) == (AT, AT + timedelta(days=300))
    assert not verified.debug
    assert not verified.revocation_checked


def test_our_own_root_is_no_hardware(maker):
    assert not verify(maker.case()).on_hardware


def test_siena_and_bergamo_are_verified_as_genoa(maker):
    report = maker.report(cpuid=Cpuid(family=0x19, model=0xA0, stepping=1))
    assert verify(maker.case(report=report)).product is Product.GENOA


def test_a_guest_that_may_be_debugged_is_genuine(maker):
    assert verify(maker.case(report=maker.report(policy=GuestPolicy(bits=0xB0000)))).debug


def test_a_provider_may_hide_its_chips(maker):
    report = maker.report(kind="VLEK", chip_id=ChipId(bytes(64)))
    assert verify(maker.case(kind="VLEK", report=report)).chip_id.masked


# Step 1


@pytest.mark.parametrize("algorithm", [0, 2, 2**32 - 1])
def test_another_signature_algorithm_is_refused(maker, algorithm):
    refuse(maker.case(report=maker.report(signature_algorithm=algorithm)), ReportRejected)


def test_a_report_that_nobody_signed_is_refused(maker):
    nobody = KeyInfo(signing_key=SigningKey.NONE, mask_chip_key=True, author_key=False)
    unsigned = replace(Report.parse(maker.report(key_info=nobody)), signature=Signature(r=0, s=0))
    refuse(maker.case(report=unsigned.encode()), ReportRejected)


@pytest.mark.parametrize("vmpl", [0, 1, 2, 3])
def test_every_level_of_the_guest_may_ask(maker, vmpl):
    assert verify(maker.case(report=maker.report(vmpl=vmpl))).report.vmpl == vmpl


@pytest.mark.parametrize("vmpl", [4, 0xFFFFFFFF])
def test_a_report_that_the_host_asked_for_is_refused(maker, vmpl):
    refuse(maker.case(report=maker.report(vmpl=vmpl)), VmplRejected, "none of the guest's")


@pytest.mark.parametrize("bits", [0x10000, 0x30000 | 1 << 26, 0x30000 | 1 << 63])
def test_a_policy_with_unknown_bits_is_refused(maker, bits):
    refuse(maker.case(report=maker.report(policy=GuestPolicy(bits=bits))), GuestPolicyRejected)


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda _: b""])
def test_a_report_of_another_length_is_refused(maker, change):
    refuse(maker.case(report=change(maker.report())), Malformed)


# Step 2 has its own file; here is what it protects from.


def test_another_root_is_refused(maker):
    refuse(replace(maker.case(), roots=AMD_ROOTS), UntrustedRoot, "ARK-Genoa")
    refuse(replace(maker.case(), roots=frozenset()), UntrustedRoot)


def test_a_root_that_was_accepted_once_is_not_remembered_for_others(maker):
    case = maker.case()
    verify(case)
    refuse(replace(case, roots=AMD_ROOTS), UntrustedRoot)


# Step 3


def test_a_list_without_the_authority_is_no_obstacle(maker):
    case = maker.case(crl=maker.crl(99))
    assert verify(case).revocation_checked


@pytest.mark.parametrize("serial", [1, 2])
def test_a_revoked_authority_is_refused(maker, serial):
    refuse(maker.case(crl=maker.crl(99, serial)), CertificateRevoked)


def test_a_list_is_not_forgotten_because_the_chain_was_good_without_it(maker):
    case = maker.case()
    verify(case)
    refuse(replace(case, crl=maker.crl(2)), CertificateRevoked)


# Step 4


@pytest.mark.parametrize(("named", "certified"), [("VLEK", "VCEK"), ("VCEK", "VLEK")])
def test_a_report_by_another_kind_of_key_is_refused(maker, named, certified):
    refuse(maker.case(kind=certified, report=maker.report(kind=named)), SigningKeyMismatch)


# Step 5


@pytest.mark.parametrize(("family", "model"), [(0x19, 0x01), (0x1A, 0x02), (0x1A, 0x50), (0, 0)])
def test_another_processor_is_refused(maker, family, model):
    report = maker.report(cpuid=Cpuid(family=family, model=model, stepping=1))
    refuse(maker.case(report=report), ProductMismatch)


# Step 6


@pytest.mark.parametrize("tcb", ["0900000000001754", "0a01000000001754", "0a00000000001854", "0a00000000001753"])
def test_a_report_of_another_tcb_than_the_certificates_is_refused(maker, tcb):
    refuse(maker.case(report=maker.report(reported_tcb=TcbVersion.from_hex(tcb))), TcbMismatch, "certificate is for")


def test_the_first_byte_of_turins_tcb_counts(maker):
    report = maker.report("Turin", reported_tcb=TcbVersion.from_hex("000a001700000054"))
    refuse(maker.case("Turin", report=report), TcbMismatch, "fmc 0")


def test_a_tcb_with_reserved_bytes_is_refused(maker):
    report = maker.report(launch_tcb=TcbVersion.from_hex("0a00010000001754"))
    refuse(maker.case(report=report), Malformed)


@pytest.mark.parametrize("which", ["reported", "committed"])
def test_what_is_reported_and_committed_is_not_newer_than_what_runs(maker, which):
    older = {"current_tcb": TcbVersion.from_hex("0a00000000001753")}
    if which == "committed":
        older = {"committed_tcb": TcbVersion.from_hex("0b00000000001754")}
    refuse(maker.case(report=maker.report(**older)), TcbMismatch, f"the {which} TCB")


def test_firmware_that_runs_but_is_not_yet_committed_is_genuine(maker):
    newer = TcbVersion.from_hex("0a00000000001755")
    assert verify(maker.case(report=maker.report(current_tcb=newer))).current_tcb.microcode == 85


# Step 7


def test_another_chip_is_refused(maker):
    refuse(maker.case(report=maker.report(chip_id=ChipId(bytes(63) + b"\1"))), ChipMismatch, "is of chip")


@pytest.mark.parametrize("product", ["Genoa", "Turin"])
def test_a_vcek_is_one_chips_even_if_the_host_hides_which(maker, product):
    """MASK_CHIP_ID makes CHIP_ID zero, and changes nothing about the key that signs."""
    case = maker.case(product, report=maker.report(product, chip_id=ChipId(bytes(64))))
    verified = verify(case)
    assert verified.report.chip_id.masked
    assert verified.chip_id == verify(maker.case(product)).report.chip_id


def test_hiding_the_chip_lets_no_other_one_sign(maker):
    hidden = maker.report(chip_id=ChipId(bytes(64)))
    other = replace(maker, chip=ec.generate_private_key(ec.SECP384R1()))
    refuse(maker.case(report=hidden, vek=other.vek_certificate()), ReportSignatureRejected)
    raw = bytearray(maker.report())
    raw[0x1A0:0x1E0] = bytes(64)
    refuse(maker.case(report=bytes(raw)), ReportSignatureRejected)


def test_all_of_turins_chip_id_counts(maker):
    chip = ChipId(bytes(range(1, 9)).ljust(63, b"\0") + b"\1")
    refuse(maker.case("Turin", report=maker.report("Turin", chip_id=chip)), ChipMismatch)


# Step 8


def test_the_clock_is_looked_at_every_time(maker):
    case = maker.case()
    verify(case)
    refuse(replace(case, at=AT + timedelta(days=301)), Expired, "SEV-VCEK")
    refuse(replace(case, at=AT - timedelta(days=31)), NotYetValid)
    verify(case)


@pytest.mark.parametrize(
    ("window", "error"),
    [({"begins": AT + timedelta(seconds=1)}, NotYetValid), ({"ends": AT - timedelta(seconds=1)}, Expired)],
)
def test_each_certificate_has_its_own_window(maker, window, error):
    refuse(maker.case(vek=maker.vek_certificate(**window)), error, "SEV-VCEK")
    refuse(maker.case(chain=maker.chain(authority=maker.authority_certificate(**window))), error, "SEV-Genoa")
    refuse(maker.case(chain=maker.chain(root=maker.root_certificate(**window))), error, "ARK-Genoa")
    refuse(maker.case(crl=maker.crl(**window)), error, "revocation list")


def test_a_time_without_a_zone_is_no_time(maker):
    refuse(replace(maker.case(), at=datetime(2026, 6, 1)), UsageError)  # noqa: DTZ001 - the thing under test


def test_the_argument_holds_until_its_first_part_expires(maker):
    soon = AT + timedelta(days=1)
    verified = verify(maker.case(crl=maker.crl(ends=soon)))
    assert verified.expires == soon
    refuse(maker.case(crl=maker.crl(ends=soon), at=AT + timedelta(days=2)), Expired, "revocation list of `ARK-Genoa`")


# Step 9


@pytest.mark.parametrize("offset", [0x04, 0x10, 0x50, 0x90, 0xC0, 0xE0, 0x140, 0x29C - 0xA4, 0x2A0, 0x2CF, 0x2E8])
def test_any_other_byte_breaks_the_signature(maker, offset):
    raw = bytearray(maker.report(version=5, mitigations=Mitigations(launch=0, current=0)))
    raw[offset] ^= 1
    refuse(maker.case(report=bytes(raw)), ReportSignatureRejected)


def test_another_key_does_not_sign_for_the_chip(maker):
    other = replace(maker, chip=ec.generate_private_key(ec.SECP384R1()))
    refuse(maker.case(report=other.report()), ReportSignatureRejected)


@pytest.mark.parametrize("number", [0, 1, 2**383, 2**576 - 1])
def test_degenerate_signatures_are_refused(maker, number):
    report = replace(Report.parse(maker.report()), signature=Signature(r=number, s=number))
    refuse(maker.case(report=report.encode()), ReportSignatureRejected)


@pytest.mark.parametrize(
    ("kind", "part"),
    [("VCEK", "report"), ("VCEK", "vek"), ("VCEK", "chain"), ("VCEK", "crl"), ("VLEK", "report"), ("VLEK", "vek")],
)
def test_no_byte_is_free_to_change(maker, kind, part):
    """In DER, so that there is no white space that means nothing: a bit of each byte, and a cut before it."""
    dice, chain = random.Random(9), maker.authority_certificate(kind=kind) + maker.root_certificate()
    good = maker.case(kind=kind, chain=chain, crl=maker.crl(99))
    verify(good)
    raw = getattr(good, part)
    for at, octet in enumerate(raw):
        changed = raw[:at] + bytes([octet ^ 1 << dice.randrange(8)]) + raw[at + 1 :]
        for mutant in (changed, raw[:at]):
            with pytest.raises(Rejected):
                verify(replace(good, **{part: mutant}))
