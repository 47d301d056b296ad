"""How a quote names a PCK that it does not bring: exact lengths, and the same bytes again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.sgx import CertificationKind, CpuSvn, PckIdentity

SIZES = {CertificationKind.PPID: 16, CertificationKind.PPID_RSA_2048: 256, CertificationKind.PPID_RSA_3072: 384}
LENGTHS = [(kind, size + 18 + pce_id) for kind, size in SIZES.items() for pce_id in (0, 2)][:-2]
LENGTHS.append((CertificationKind.PPID_RSA_3072, 404))


named = st.sampled_from(LENGTHS).flatmap(
    lambda each: st.tuples(st.just(each[0]), st.binary(min_size=each[1], max_size=each[1]))
)


@given(named)
def test_what_is_read_is_written_again(given_data):
    kind, raw = given_data
    identity = PckIdentity.parse(kind, raw)
    assert identity.encode() == raw
    assert identity.pce_svn == int.from_bytes(raw[SIZES[kind] + 16 : SIZES[kind] + 18], "little")
    assert identity.cpu_svn.value == raw[SIZES[kind] : SIZES[kind] + 16]


@pytest.mark.parametrize("kind", list(CertificationKind))
@pytest.mark.parametrize("size", [0, 16, 33, 35, 37, 273, 275, 402, 403, 405, 4000])
def test_no_other_length_is_read(kind, size):
    with pytest.raises(Malformed):
        PckIdentity.parse(kind, bytes(size))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (CertificationKind.PEM_CHAIN, {}),
        (CertificationKind.PPID, {"ppid": bytes(15)}),
        (CertificationKind.PPID, {"pce_id": bytes(1)}),
        (CertificationKind.PPID_RSA_3072, {"ppid": bytes(384), "pce_id": None}),
    ],
)
def test_nothing_is_made_that_could_not_be_read(kind, changes):
    given_data = {"ppid": bytes(16), "cpu_svn": CpuSvn(bytes(16)), "pce_svn": 1, "pce_id": bytes(2)} | changes
    with pytest.raises(Malformed):
        PckIdentity(kind=kind, **given_data)
