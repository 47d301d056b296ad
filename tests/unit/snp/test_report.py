import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.snp import (
    ChipId,
    Cpuid,
    FirmwareVersion,
    GuestPolicy,
    KeyInfo,
    Mitigations,
    PolicyFlags,
    Product,
    Report,
    Signature,
    SigningKey,
    TcbVersion,
)

RESERVED = {
    2: [(0x4C, 0x50), (0x188, 0x1A0), (0x1EB, 0x1EC), (0x1EF, 0x1F0), (0x1F8, 0x2A0), (0x330, 0x4A0)],
    3: [(0x4C, 0x50), (0x18B, 0x1A0), (0x1EB, 0x1EC), (0x1EF, 0x1F0), (0x1F8, 0x2A0), (0x330, 0x4A0)],
    4: [(0x4C, 0x50), (0x18B, 0x1A0), (0x1EB, 0x1EC), (0x1EF, 0x1F0), (0x1F8, 0x2A0), (0x330, 0x4A0)],
    5: [(0x4C, 0x50), (0x18B, 0x1A0), (0x1EB, 0x1EC), (0x1EF, 0x1F0), (0x208, 0x2A0), (0x330, 0x4A0)],
}


def well_formed(version, seed):
    raw = bytearray(random.Random(seed).randbytes(Report.SIZE))
    raw[0:4] = version.to_bytes(4, "little")
    raw[0x48:0x4C] = bytes((raw[0x48] & 0x07, 0, 0, 0))
    for start, end in RESERVED[version]:
        raw[start:end] = bytes(end - start)
    return bytes(raw)


@given(st.sampled_from(sorted(RESERVED)), st.integers())
def test_every_well_formed_report_is_encoded_as_it_was_read(version, seed):
    raw = well_formed(version, seed)
    report = Report.parse(raw)
    assert report.encode() == raw
    assert report.signed_bytes == raw[:672]


@pytest.mark.parametrize("version", sorted(RESERVED))
def test_no_reserved_byte_may_be_set(version):
    raw = well_formed(version, 1)
    for start, end in RESERVED[version]:
        for at in range(start, end):
            with pytest.raises(Malformed, match="reserved"):
                Report.parse(raw[:at] + b"\1" + raw[at + 1 :])


@pytest.mark.parametrize("version", [0, 1, 6, 2**32 - 1])
def test_other_versions_are_refused(version):
    with pytest.raises(Malformed):
        Report.parse(version.to_bytes(4, "little") + well_formed(2, 1)[4:])


@pytest.mark.parametrize("version", [6, 7])
def test_a_version_that_could_be_read_but_is_not_known_is_refused_for_that(version):
    with pytest.raises(Malformed, match=f"version {version}, not 2 to 5"):
        Report.parse(version.to_bytes(4, "little") + well_formed(5, 1)[4:])


@pytest.mark.parametrize("size", [0, 1183, 1185, 4000])
def test_the_length_is_exact(size):
    with pytest.raises(Malformed, match="not 1184"):
        Report.parse((well_formed(2, 1) * 4)[:size])


def test_the_members_lie_where_amd_puts_them():
    raw = well_formed(5, 7)
    report = Report.parse(raw)
    assert report.guest_svn == int.from_bytes(raw[4:8], "little")
    assert report.policy.bits == int.from_bytes(raw[8:16], "little")
    assert report.vmpl == int.from_bytes(raw[0x30:0x34], "little")
    assert report.report_data.value == raw[0x50:0x90]
    assert report.measurement.value == raw[0x90:0xC0]
    assert report.host_data.value == raw[0xC0:0xE0]
    assert report.reported_tcb.value == raw[0x180:0x188]
    assert report.cpuid == Cpuid(family=raw[0x188], model=raw[0x189], stepping=raw[0x18A])
    assert report.chip_id.value == raw[0x1A0:0x1E0]
    assert report.committed_tcb.value == raw[0x1E0:0x1E8]
    assert report.current == FirmwareVersion(build=raw[0x1E8], minor=raw[0x1E9], major=raw[0x1EA])
    assert report.committed == FirmwareVersion(build=raw[0x1EC], minor=raw[0x1ED], major=raw[0x1EE])
    assert report.launch_tcb.value == raw[0x1F0:0x1F8]
    assert report.mitigations == Mitigations(
        launch=int.from_bytes(raw[0x1F8:0x200], "little"), current=int.from_bytes(raw[0x200:0x208], "little")
    )
    assert report.signature.r == int.from_bytes(raw[0x2A0:0x2E8], "little")
    assert report.signature.s == int.from_bytes(raw[0x2E8:0x330], "little")


def test_a_report_has_the_members_of_its_version_and_no_others():
    old, new = Report.parse(well_formed(2, 1)), Report.parse(well_formed(5, 1))
    assert (old.cpuid, old.mitigations) == (None, None)
    members = {name: getattr(old, name) for name in Report.__slots__}
    with pytest.raises(Malformed, match="which processor"):
        Report(**members | {"version": 3})
    with pytest.raises(Malformed, match="mitigations"):
        Report(**members | {"mitigations": new.mitigations})


def test_mutated_reports_are_read_exactly_or_refused():
    dice = random.Random(5)
    for _ in range(3000):
        raw = bytearray(well_formed(dice.choice(sorted(RESERVED)), dice.random()))
        for _ in range(dice.randrange(1, 4)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        raw = bytes(raw[: dice.choice([len(raw), dice.randrange(len(raw))])])
        try:
            report = Report.parse(raw)
        except Malformed:
            continue
        assert report.encode() == raw


def test_a_signature_has_one_length():
    with pytest.raises(Malformed, match="signature has 511 bytes, not 512"):
        Signature.parse(bytes(511))


@pytest.mark.parametrize(
    ("bits", "key", "mask", "author"),
    [(0, SigningKey.VCEK, False, False), (5, SigningKey.VLEK, False, True), (0x1E, SigningKey.NONE, True, False)],
)
def test_key_information_is_read_as_it_is_written(bits, key, mask, author):
    assert KeyInfo.of(bits) == KeyInfo(signing_key=key, mask_chip_key=mask, author_key=author)
    assert KeyInfo.of(bits).bits == bits


@pytest.mark.parametrize("bits", [2 << 2, 6 << 2, 1 << 5, 1 << 31])
def test_keys_that_do_not_exist_are_refused(bits):
    with pytest.raises(Malformed):
        KeyInfo.of(bits)


@pytest.mark.parametrize(
    ("bits", "good"),
    [
        (0x30000, True),
        (0x3001F, True),
        (0x3FF0102, True),
        (0x10000, False),
        (0x4030000, False),
        (1 << 63 | 0x20000, False),
    ],
)
def test_the_reserved_bits_of_a_policy_have_the_values_that_firmware_gives_them(bits, good):
    assert GuestPolicy(bits=bits).well_formed is good


def test_a_policy_names_its_bits():
    policy = GuestPolicy(bits=int(PolicyFlags.DEBUG | PolicyFlags.MIGRATE_MA | PolicyFlags.SMT) | 0x0137)
    assert (policy.debug, policy.migratable, policy.smt) == (True, True, True)
    plain = GuestPolicy(bits=0x20000)
    assert (plain.debug, plain.migratable, plain.smt) == (False, False, False)


@pytest.mark.parametrize(
    ("family", "model", "product"),
    [
        (0x19, 0x01, Product.MILAN),
        (0x19, 0x11, Product.GENOA),
        (0x19, 0xA0, Product.GENOA),
        (0x1A, 0x02, Product.TURIN),
        (0x1A, 0x11, Product.TURIN),
        (0x1A, 0x50, None),
        (0x17, 0x31, None),
        (0, 0, None),
    ],
)
def test_siena_and_bergamo_are_certified_as_genoa_and_unknown_processors_as_nothing(family, model, product):
    assert Cpuid(family=family, model=model, stepping=1).product is product


def test_a_tcb_version_means_something_else_on_turin():
    raw = bytes(range(1, 4)) + bytes(4) + b"\xff"
    turin = TcbVersion(raw).components(Product.TURIN)
    assert str(turin) == "fmc 1, bootloader 2, tee 3, snp 0, microcode 255"
    genoa = TcbVersion.from_hex("0a00000000001754").components(Product.GENOA)
    assert str(genoa) == "bootloader 10, tee 0, snp 23, microcode 84"


@pytest.mark.parametrize(("raw", "product"), [("0000010000000000", Product.MILAN), ("0000000001000000", Product.TURIN)])
def test_reserved_levels_are_zero(raw, product):
    with pytest.raises(Malformed, match="reserved"):
        TcbVersion.from_hex(raw).components(product)


def test_one_newer_component_makes_a_tcb_newer():
    old = TcbVersion.from_hex("0a00000000001754").components(Product.GENOA)
    new = TcbVersion.from_hex("0900000000001855").components(Product.GENOA)
    assert old.at_most(old)
    assert not old.at_most(new)
    assert not new.at_most(old)


def test_tcbs_of_different_layouts_have_no_order():
    milan = TcbVersion(bytes(8)).components(Product.MILAN)
    turin = TcbVersion(bytes(8)).components(Product.TURIN)
    assert not milan.at_most(turin)


def test_a_chip_that_is_not_named_is_masked():
    assert ChipId(bytes(64)).masked
    assert not ChipId(bytes(63) + b"\1").masked


@pytest.mark.parametrize(
    ("version", "changes"),
    [
        (2, {"cpuid": Cpuid(family=0x19, model=1, stepping=1)}),
        (3, {"cpuid": None}),
        (3, {"mitigations": Mitigations(launch=1, current=1)}),
        (5, {"mitigations": None}),
    ],
)
def test_a_report_has_what_its_version_has(version, changes):
    with pytest.raises(Malformed, match=f"version {version} must"):
        replace(Report.parse(well_formed(version, 1)), **changes)
