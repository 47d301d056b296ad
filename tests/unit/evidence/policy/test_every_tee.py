"""Policies for all three TEEs: what is not said, unknown or mistaken is refused; what is written is read."""

import contextlib
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import CaissonError, Malformed
from caisson.evidence.policy import Policy, SnpPolicy, TdxPolicy, parse_policy, policy_schema

H16, H32, H48, H64 = ("ab" * size for size in (16, 32, 48, 64))
PLATFORM = {
    "version": 2,
    "roots": ["intel-sgx"],
    "tcb_statuses": ["UpToDate"],
    "advisories": ["INTEL-SA-00615"],
    "allow_debug": False,
    "minimum_tcb_evaluation_data_number": 17,
    "maximum_collateral_age_days": 30,
    "platforms": ["fmspc:00906ed50000", f"instance:{H16}", f"ppid:{H16}"],
    "report_data": [H64],
}
SGX = PLATFORM | {"tee": "sgx", "key_servers": [H32], "enclaves": [{"mrenclave": H32}]}
TDX = PLATFORM | {
    "tee": "tdx",
    "modules": [H48],
    "required_attributes": ["SEPT_VE_DISABLE"],
    "allowed_attributes": ["PKS"],
    "allowed_xfam": "e702060000000000",
    "service_domains": [],
    "domains": [{"mrtd": H48, "rtmr0": H48, "rtmr3": H48, "mrconfigid": H48, "mrowner": H48, "mrownerconfig": H48}],
}
NEW = ("maximum_collateral_age_days", "platforms", "report_data")
LEVELS = {"bootloader": 3, "tee": 0, "snp": 8, "microcode": 115}
SNP = {
    "version": 2,
    "tee": "sev-snp",
    "roots": [H32, "amd-genoa", "amd-milan", "amd-turin"],
    "signing_keys": ["VCEK", "VLEK"],
    "csp_ids": ["CN=cloud.example"],
    "require_revocation_list": True,
    "allow_debug": False,
    "allow_migration": False,
    "allow_smt": True,
    "allow_provisional_firmware": False,
    "required_policy": ["SINGLE_SOCKET"],
    "required_platform": ["ECC_EN"],
    "vmpls": [0],
    "chips": [H64],
    "minimum_tcb": {"milan": LEVELS, "turin": LEVELS | {"fmc": 1}},
    "report_data": "any",
    "guests": [
        {"measurement": H48, "host_data": H32},
        {"id_key_digest": H48, "family_id": H16, "image_id": H16, "minimum_guest_svn": 2},
    ],
}
SNP_3 = SNP | {
    "version": 3,
    "allow_cxl": False,
    "forbidden_platform": ["SMT_EN", "TIO_EN"],
    "required_mitigations": [0, 3, 63],
    "guests": [{"author_key_digest": H48, "family_id": H16, "image_id": H16, "minimum_guest_svn": 2}],
}
SNP_4 = SNP_3 | {"version": 4, "maximum_collateral_age_days": 30}
ZERO = "00" * 48
NOBODYS = {"family_id": H16, "image_id": H16, "minimum_guest_svn": 2}
NEW_IN_3 = {"allow_cxl": True, "forbidden_platform": [], "required_mitigations": []}
GOOD = {"sgx": SGX, "tdx": TDX, "sev-snp": SNP, "sev-snp 3": SNP_3, "sev-snp 4": SNP_4}
EACH = pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
FIELDS = pytest.mark.parametrize(
    ("good", "field"), [pytest.param(good, field, id=f"{tee} {field}") for tee, good in GOOD.items() for field in good]
)
validator = jsonschema.Draft202012Validator(json.loads(policy_schema()))


def read(value):
    return parse_policy(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("tee", "kind"),
    [("sgx", Policy), ("tdx", TdxPolicy), ("sev-snp", SnpPolicy), ("sev-snp 3", SnpPolicy), ("sev-snp 4", SnpPolicy)],
)
def test_which_policy_it_is_the_file_says(tee, kind):
    assert type(read(GOOD[tee])) is kind
    assert kind.parse(json.dumps(GOOD[tee]).encode()) == read(GOOD[tee])


@EACH
def test_json_and_toml_say_the_same(good):
    policy = read(good)
    assert policy.members == good
    assert parse_policy(policy.encode().encode()) == policy
    assert parse_policy(policy.encode().encode()).encode() == policy.encode()


@FIELDS
def test_every_field_is_required(good, field):
    with pytest.raises(Malformed):
        read({name: value for name, value in good.items() if name != field})


def test_a_name_that_is_misspelt_is_told_as_it_stands_and_as_it_should():
    misspelt = {"tcb_status" if name == "tcb_statuses" else name: value for name, value in SGX.items()}
    with pytest.raises(
        Malformed, match="lacks `tcb_statuses`; every field is required, and has unknown members: `tcb_status`"
    ):
        read(misspelt)


def test_digits_that_are_too_few_are_counted():
    with pytest.raises(Malformed, match="an entry of `enclaves`: `mrenclave`: MrEnclave has 63 digits, not 64"):
        read(SGX | {"enclaves": [{"mrenclave": H32[1:]}]})


@pytest.mark.parametrize("root", ["intel", "amd-Milan", H16])
def test_what_is_no_root_is_told_what_is(root):
    with pytest.raises(Malformed, match=f"`{root}` is no root: not `intel-sgx`, no certificate in PEM, no SHA-256 of"):
        read(SGX | {"roots": [root]})
    with pytest.raises(Malformed, match="not `amd-milan`, `amd-genoa`, `amd-turin`"):
        read(SNP | {"roots": [root]})


@FIELDS
def test_no_field_is_of_another_kind(good, field):
    for value in (None, 1.5, {"x": 1}, [[]], "none of those"):
        with pytest.raises(Malformed):
            read(good | {field: value})
        assert not validator.is_valid(good | {field: value})


def test_a_policy_that_is_too_large_is_not_even_read():
    text = json.dumps(SGX).encode()
    assert parse_policy(text.ljust(1 << 20))
    with pytest.raises(Malformed, match="more than 1048576"):
        parse_policy(text.ljust((1 << 20) + 1))


@EACH
def test_unknown_fields_are_errors(good):
    for name in ("", "allow_anything", "insecure"):
        with pytest.raises(Malformed, match="unknown"):
            read(good | {name: True})


@pytest.mark.parametrize("text", ["x = " + "1" * 5000, "x = " + "[" * 5000, "x = \x00", "x = 2026-13-01"])
def test_what_is_no_toml_is_malformed(text):
    """Python does not read numbers of more than 4,300 digits, and says so in a way of its own."""
    with pytest.raises(Malformed, match="not TOML"):
        parse_policy(text.encode())


@EACH
def test_the_schema_takes_what_the_reader_takes(good):
    assert validator.is_valid(good)
    assert not validator.is_valid(good | {"new": 1})
    assert not validator.is_valid(good | {"version": 5 - good["version"]})


@pytest.mark.parametrize(("svn", "taken"), [(-1, False), (0, True), (0xFFFF, True), (0x1_0000, False)])
def test_the_schema_knows_the_same_bounds(svn, taken):
    changed = SGX | {"enclaves": [{"mrsigner": H32, "isv_prod_id": svn, "minimum_isv_svn": 0}]}
    assert validator.is_valid(changed) is taken
    with contextlib.nullcontext() if taken else pytest.raises(Malformed, match="not between 0 and 65535"):
        read(changed)


def test_a_digest_may_have_zeros_in_it():
    assert read(SNP | {"guests": [NOBODYS | {"id_key_digest": "00" + "ab" * 47}]})


@EACH
def test_a_policy_for_one_tee_is_none_for_another(good):
    for kind in (Policy, TdxPolicy, SnpPolicy):
        if type(read(good)) is not kind:
            with pytest.raises(Malformed, match=r"another TEE|version"):
                kind.of(good)


@pytest.mark.parametrize("tee", [None, 1, "sev", ["sgx"], {}])
def test_a_tee_that_is_none_is_refused(tee):
    with pytest.raises(Malformed, match="does not name one of the TEEs"):
        read(SGX | {"tee": tee})


def test_any_is_a_word_that_one_has_to_say():
    lax = TDX | dict.fromkeys(("platforms", "report_data", "modules", "allowed_xfam", "service_domains"), "any")
    policy = read(lax)
    assert (policy.platforms, policy.report_data, policy.modules, policy.service_domains) == (None,) * 4
    assert policy.members == lax
    for word in ("ANY", "*", ""):
        with pytest.raises(Malformed):
            read(TDX | {"platforms": word})


def test_a_hash_is_report_data_that_zeros_follow():
    assert read(SGX | {"report_data": [H32]}) == read(SGX | {"report_data": [H32 + "00" * 32]})


def test_a_policy_is_written_in_the_oldest_version_that_can_say_it():
    old = {name: value for name, value in SGX.items() if name not in NEW} | {"version": 1}
    policy = read(old)
    assert policy.members == old
    assert read(SGX | dict.fromkeys(NEW, "any")) == policy
    assert read(SNP | NEW_IN_3 | {"version": 3}).members == SNP
    for name in NEW_IN_3:
        assert read(SNP | NEW_IN_3 | {"version": 3, name: SNP_3[name]}).version == 3
    assert read(SNP_4 | {"maximum_collateral_age_days": "any"}).members == SNP_3


@pytest.mark.parametrize(
    ("good", "change"),
    [
        (TDX, {"version": 1}),
        (TDX, {"required_attributes": ["DEBUG"]}),
        (TDX, {"allowed_attributes": ["UNHEARD_OF"]}),
        (TDX, {"domains": [{}]}),
        (TDX, {"domains": [{"mrtd": H32}]}),
        (TDX, {"domains": [{"mrtd": H48, "rtmr4": H48}]}),
        (TDX, {"platforms": ["fmspc:00"]}),
        (TDX, {"platforms": ["cpu:00"]}),
        (TDX, {"report_data": ["00"]}),
        (TDX, {"tcb_statuses": ["Revoked"]}),
        (SNP, {"roots": ["intel-sgx"]}),
        (SNP, {"signing_keys": ["NONE"]}),
        (SNP, {"csp_ids": ["\n"]}),
        (SNP, {"vmpls": [4]}),
        (SNP, {"vmpls": [True]}),
        (SNP, {"required_policy": ["DEBUG"]}),
        (SNP, {"required_platform": ["SMT"]}),
        (SNP, {"chips": [H32]}),
        (SNP, {"minimum_tcb": {"naples": LEVELS}}),
        (SNP, {"minimum_tcb": {"milan": {"snp": 1}}}),
        (SNP, {"minimum_tcb": {"milan": LEVELS | {"fmc": 1}}}),
        (SNP, {"minimum_tcb": {"turin": LEVELS}}),
        (SNP, {"guests": [{"host_data": H32}]}),
        (SNP, {"guests": [{"id_key_digest": H48, "family_id": H16, "image_id": H16}]}),
        (SNP, {"guests": [{"family_id": H16, "image_id": H16, "minimum_guest_svn": 2}]}),
        (SNP, {"guests": [NOBODYS | {"id_key_digest": ZERO}]}),
        (SNP, {"guests": [NOBODYS | {"id_key_digest": ZERO, "author_key_digest": ZERO}]}),
        (SNP, {"version": 3}),
        (SNP_3, {"version": 2}),
        (SNP_3, {"forbidden_platform": ["SMT"]}),
        (SNP_3, {"required_mitigations": [64]}),
        (SNP_3, {"version": 4}),
        (SNP_4, {"version": 3}),
        (SNP_4, {"maximum_collateral_age_days": -1}),
        (SNP_4, {"maximum_collateral_age_days": 3651}),
        (SNP_4, {"require_revocation_list": False}),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(good, change):
    with pytest.raises(Malformed):
        read(good | change)


@pytest.mark.parametrize("raw", [b"{", b"{}", b'{"tee": "sgx", "tee": "sgx"}', b"[]", b"{" * 5000, b'{"a":' * 9999])
def test_what_is_no_policy_is_refused(raw):
    with pytest.raises(Malformed):
        parse_policy(raw)


@given(st.data())
def test_a_changed_octet_never_leaves_the_error_tree(data):
    raw = bytearray(json.dumps(data.draw(st.sampled_from(sorted(GOOD.values(), key=str)))).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        policy = parse_policy(bytes(raw))
    except CaissonError:
        return
    assert parse_policy(policy.encode().encode()) == policy
