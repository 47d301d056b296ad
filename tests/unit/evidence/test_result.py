"""What a result tells of genuine evidence, fact by fact: a second opinion and relying parties decide by these names."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from caisson.abi import ReportData
from caisson.evidence import INTEL_SGX_ROOT, AttestationResult, TcbStatus, TcbVerdict
from caisson.sgx import MrEnclave, MrSigner
from caisson.tdx import MrTd, TdBody, TdBody15
from tests.unit.evidence.domains import PROTECTED, DomainScene, domain

VERDICT = TcbVerdict(
    status=TcbStatus.OUT_OF_DATE, date=datetime(2025, 1, 1, tzinfo=UTC), advisories=("INTEL-SA-00001", "INTEL-SA-00002")
)
REPORT_DATA = ReportData(bytes(range(64)))


def facts(verified):
    return AttestationResult.of(verified, policy=None).facts


def of_intel(verified):
    return {
        "debug": False,
        "tcb_status": "OutOfDate",
        "tcb_date": "2025-01-01T00:00:00+00:00",
        "advisory_ids": ["INTEL-SA-00001", "INTEL-SA-00002"],
        "tcb_evaluation_data_number": 20,
        "fmspc": "ca1550000000",
        "memory_protection": "standard",
        "dynamic_platform": True,
        "cached_keys": False,
        "smt_enabled": None,
        "report_data": str(REPORT_DATA),
        "root": str(verified.root),
        "root_name": verified.root_name,
        "hardware": False,
    }


def on_platform(verified):
    """Give evidence a platform that says whatever platforms may say."""
    return replace(verified, tcb=VERDICT, pck=replace(verified.pck, dynamic_platform=True, cached_keys=False))


def test_of_an_enclave(scene):
    verified = on_platform(scene.verify())
    identity = {"mr_enclave": MrEnclave(b"E" * 32), "mr_signer": MrSigner(b"S" * 32), "isv_prod_id": 7, "isv_svn": 9}
    named = replace(verified, report=replace(verified.report, report_data=REPORT_DATA, **identity))
    assert facts(named) == {
        "mrenclave": "45" * 32,
        "mrsigner": "53" * 32,
        "isv_prod_id": 7,
        "isv_svn": 9,
        **of_intel(verified),
    }
    undated = replace(named, tcb=VERDICT._replace(date=None), root=INTEL_SGX_ROOT)
    assert (facts(undated)["tcb_date"], facts(undated)["hardware"]) == (None, True)


@pytest.mark.parametrize(
    ("kind", "version", "now", "said"),
    [
        (TdBody, 4, None, (None, [])),
        (TdBody15, 5, VERDICT, ("OutOfDate", ["INTEL-SA-00001", "INTEL-SA-00002"])),
    ],
)
def test_of_a_domain(platform, kind, version, now, said):
    verified = replace(on_platform(DomainScene.on(platform, domain(kind), version).verify()), current_tcb=now)
    names = ("mr_config_id", "mr_owner", "mr_owner_config", "mr_seam")
    members = {name: MrTd(name[:4].encode() * 12) for name in names} | {"mr_td": MrTd(b"T" * 48)}
    body = replace(verified.body, report_data=REPORT_DATA, **members)
    assert facts(replace(verified, body=body)) == {
        "mrtd": "54" * 48,
        "rtmrs": ["00" * 48] * 4,
        **{name.replace("_", ""): str(members[name]) for name in names},
        "td_attributes": str(PROTECTED),
        "xfam": "00" * 8,
        "tee_tcb_svn": str(body.tee_tcb_svn),
        "current_tcb_status": said[0],
        "current_advisory_ids": said[1],
        **of_intel(verified),
    }
