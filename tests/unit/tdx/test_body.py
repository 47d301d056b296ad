import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.tdx import TdAttributes, TdBody, TdBody15, TdBody15Ex, TdFlags, TeeTcbSvn, parse_td_body

SIZES = {TdBody: 584, TdBody15: 648, TdBody15Ex: 885}


@pytest.mark.parametrize(("kind", "size"), SIZES.items())
def test_bodies_have_the_sizes_that_intel_gives_them(kind, size):
    assert kind.size() == size


@given(st.sampled_from(sorted(SIZES.values())).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_every_body_is_encoded_as_it_was_read(raw):
    body = parse_td_body(raw)
    assert SIZES[type(body)] == len(raw)
    assert body.encode() == raw


@given(st.binary(max_size=900).filter(lambda raw: len(raw) not in SIZES.values()))
def test_no_other_length_is_a_body(raw):
    with pytest.raises(Malformed, match="not one of 584, 648, 885"):
        parse_td_body(raw)


def test_a_body_of_one_version_is_not_read_as_another():
    with pytest.raises(Malformed, match="TdBody15 has 584 bytes, not 648"):
        TdBody15.parse(bytes(584))


def test_the_members_lie_where_intel_puts_them():
    raw = random.Random(1).randbytes(885)
    body = TdBody15Ex.parse(raw)
    places = {
        "tee_tcb_svn": 0,
        "mr_seam": 16,
        "mr_signer_seam": 64,
        "seam_attributes": 112,
        "td_attributes": 120,
        "xfam": 128,
        "mr_td": 136,
        "mr_config_id": 184,
        "mr_owner": 232,
        "mr_owner_config": 280,
        "rtmr0": 328,
        "rtmr3": 472,
        "report_data": 520,
        "tee_tcb_svn2": 584,
        "mr_service_td": 600,
        "vmid": 648,
        "td_id": 649,
        "device_info": 681,
        "initial_service_td": 729,
        "initial_service_td_attributes": 777,
        "initial_cpu_svn": 785,
        "initial_tee_tcb_svn": 801,
        "initial_fmspc": 817,
        "current_service_td": 829,
        "current_service_td_attributes": 877,
    }
    for name, offset in places.items():
        value = getattr(body, name).value
        assert value == raw[offset : offset + len(value)], name
    assert [rtmr.value for rtmr in body.rtmrs] == [raw[at : at + 48] for at in (328, 376, 424, 472)]


@pytest.mark.parametrize(
    ("flags", "under_debug"),
    [
        (0, False),
        (TdFlags.SEPT_VE_DISABLE | TdFlags.PERFMON, False),
        (TdFlags.DEBUG, True),
        (1 << 4, True),
        (1 << 8, False),
    ],
)
def test_any_bit_of_the_debug_group_makes_a_domain_untrusted(flags, under_debug):
    assert TdAttributes(int(flags).to_bytes(8, "little")).under_debug is under_debug


def test_the_module_is_named_by_version_and_svn():
    svn = TeeTcbSvn.from_hex("0d010400000000000000000000000000")
    assert (svn.module_svn, svn.module_version) == (13, 1)
