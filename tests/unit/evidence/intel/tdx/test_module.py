"""TDX modules, their levels and domains that outlive an update: one thing changed at a time."""

import json
from datetime import UTC, datetime

import pytest

from caisson.errors import Malformed, TcbInfoRejected, TdxModuleMismatch
from caisson.evidence.intel.tcb import TcbInfo
from caisson.evidence.intel.tcb_status import NOT_SUPPORTED, TcbStatus, TcbVerdict
from caisson.evidence.intel.tdx.levels import tdx_verdict
from caisson.evidence.intel.tdx.relaunch import relaunched
from caisson.tdx import MrSignerSeam, SeamAttributes, TeeTcbSvn
from tests.unit.evidence.pcks import pck

DATE = "2025-01-01T00:00:00Z"
ZERO, ONE = "00" * 48, "01" * 48
S = TcbStatus


def level(status, svn, **tcb):
    return {"tcb": {"isvsvn": svn, **tcb}, "tcbDate": DATE, "tcbStatus": status, "advisoryIDs": [f"INTEL-SA-{svn:05}"]}


def identity(name, levels, signer=ZERO):
    return {
        "id": name,
        "mrsigner": signer,
        "attributes": "00" * 8,
        "attributesMask": "FF" * 8,
        "tcbLevels": levels,
    }


def tcb_level(status, tdx, sgx=1, pcesvn=1):
    tcb = {
        "sgxtcbcomponents": [{"svn": sgx}] * 16,
        "pcesvn": pcesvn,
        "tdxtcbcomponents": [{"svn": svn} for svn in tdx],
    }
    return {"tcb": tcb, "tcbDate": DATE, "tcbStatus": status, "advisoryIDs": []}


def document(**changes):
    return {
        "id": "TDX",
        "version": 3,
        "issueDate": DATE,
        "nextUpdate": DATE,
        "fmspc": "00" * 6,
        "pceId": "0000",
        "tcbType": 0,
        "tcbEvaluationDataNumber": 17,
        "tdxModule": {"mrsigner": ZERO, "attributes": "00" * 8, "attributesMask": "FF" * 8},
        "tdxModuleIdentities": [
            identity("TDX_01", [level("UpToDate", 5), level("OutOfDate", 2)]),
            identity("TDX_03", [level("UpToDate", 1)], signer=ONE),
        ],
        "tcbLevels": [tcb_level("UpToDate", [5, 0, 3] + [0] * 13), tcb_level("OutOfDate", [2, 0, 1] + [0] * 13)],
    } | changes


def info(**changes):
    return TcbInfo.parse(json.dumps(document(**changes)).encode(), tee="TDX")


def test_tcb_info_for_domains_describes_their_module():
    without = document()
    del without["tdxModule"]
    with pytest.raises(TcbInfoRejected, match="TCB info for TDX lacks `tdxModule`"):
        TcbInfo.parse(json.dumps(without).encode(), tee="TDX")


def svn(*octets):
    return TeeTcbSvn(bytes(octets).ljust(16, b"\0"))


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        ((5, 0, 3), S.UP_TO_DATE),  # TDX 1.0: the module's version counts among the components
        ((4, 0, 3), S.OUT_OF_DATE),
        ((5, 0, 2), S.OUT_OF_DATE),
        ((1, 0, 3), S.NOT_SUPPORTED),
        ((5, 1, 3), S.UP_TO_DATE),  # from 1.5 on, its identity rates it
        ((4, 1, 3), S.OUT_OF_DATE),
        ((5, 1, 2), S.OUT_OF_DATE),
        ((1, 1, 3), S.NOT_SUPPORTED),
        ((9, 2, 3), S.NOT_SUPPORTED),  # a version that the TCB info does not know
    ],
)
def test_a_level_counts_the_platform_and_its_module(octets, status):
    assert tdx_verdict(info(), pck(), svn(*octets)).status is status


@pytest.mark.parametrize("platform", [pck(components=0), pck(pce_svn=0)])
def test_a_platform_below_every_level_is_not_supported_whatever_its_module(platform):
    for module in (5, 4):
        assert tdx_verdict(info(), platform, svn(module, 1, 3)) == NOT_SUPPORTED


def test_the_modules_version_counts_once():
    """From 1.5 on its identity rates it: what the level says of the first two components is about other modules."""
    higher = info(tcbLevels=[tcb_level("UpToDate", [9, 9, 3, *bytes(13)])])
    assert tdx_verdict(higher, pck(), svn(5, 1, 3)).status is S.UP_TO_DATE
    for version in (svn(5, 0, 3), svn(9, 0, 3)):
        assert tdx_verdict(higher, pck(), version).status is S.NOT_SUPPORTED


def test_advisories_of_platform_and_module_add_up():
    assert tdx_verdict(info(), pck(), svn(4, 1, 3)).advisories == ("INTEL-SA-00002",)


def test_a_module_is_the_one_of_its_version():
    modules = info().modules
    modules.of(svn(5, 1)).require(MrSignerSeam(bytes(48)), SeamAttributes(bytes(8)))
    modules.of(svn(5, 0)).require(MrSignerSeam(bytes(48)), SeamAttributes(bytes(8)))
    modules.of(svn(5, 3)).require(MrSignerSeam(b"\1" * 48), SeamAttributes(bytes(8)))
    assert modules.of(svn(5, 2)) is None
    with pytest.raises(TdxModuleMismatch, match="MRSIGNERSEAM"):
        modules.of(svn(5, 3)).require(MrSignerSeam(bytes(48)), SeamAttributes(bytes(8)))
    with pytest.raises(TdxModuleMismatch, match="SEAMATTRIBUTES"):
        modules.of(svn(5, 1)).require(MrSignerSeam(bytes(48)), SeamAttributes(b"\1" + bytes(7)))


def test_a_bit_beyond_the_mask_is_refused():
    modules = info(tdxModule={"mrsigner": ZERO, "attributes": "00" * 8, "attributesMask": "FE" + "FF" * 7}).modules
    with pytest.raises(TdxModuleMismatch, match="SEAMATTRIBUTES"):
        modules.base.require(MrSignerSeam(bytes(48)), SeamAttributes(b"\1" + bytes(7)))


def test_attributes_count_under_the_mask():
    modules = info(
        tdxModule={"mrsigner": ZERO, "attributes": "03" + "00" * 7, "attributesMask": "01" + "00" * 7}
    ).modules
    modules.base.require(MrSignerSeam(bytes(48)), SeamAttributes(b"\1" + bytes(7)))
    for other in (0, 2, 3):
        with pytest.raises(TdxModuleMismatch, match="SEAMATTRIBUTES"):
            modules.base.require(MrSignerSeam(bytes(48)), SeamAttributes(bytes((other,)) + bytes(7)))


def test_modules_and_their_levels_may_be_as_many_as_256():
    many = [identity(f"TDX_{number:02X}", [level("UpToDate", 1)] * 256 if number == 0 else []) for number in range(256)]
    modules = info(tdxModuleIdentities=many).modules
    assert (len(modules.by_version), len(modules.by_version[0].levels)) == (256, 256)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tdxModuleIdentities": [identity("TDX_01", [])] * 2}, "twice"),
        ({"tdxModuleIdentities": [identity("QE", [])]}, "no TDX module's"),
        ({"tdxModuleIdentities": [identity("TDX_1", [])]}, "hexadecimal"),
        ({"tdxModuleIdentities": [identity(f"TDX_{n % 256:02X}", []) for n in range(257)]}, "more than 256"),
        ({"tdxModuleIdentities": [identity("TDX_01", [level("UpToDate", 1)] * 257)]}, "more than 256"),
        ({"tcbLevels": [tcb_level("UpToDate", [5, 0])]}, "tdxtcbcomponents"),
        ({"tcbLevels": [tcb_level("UpToDate", [])]}, "tdxtcbcomponents"),
    ],
)
def test_tcb_info_that_cuts_corners_is_refused(changes, words):
    with pytest.raises(Malformed, match=words):
        info(**changes)


@pytest.mark.parametrize(
    ("launch", "current", "expected"),
    [
        (S.UP_TO_DATE, S.UP_TO_DATE, S.UP_TO_DATE),
        (S.OUT_OF_DATE, S.UP_TO_DATE, S.TD_RELAUNCH_ADVISED),
        (S.OUT_OF_DATE, S.SW_HARDENING_NEEDED, S.TD_RELAUNCH_ADVISED),
        (S.OUT_OF_DATE, S.CONFIGURATION_NEEDED, S.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED),
        (S.OUT_OF_DATE, S.CONFIGURATION_AND_SW_HARDENING_NEEDED, S.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED),
        (S.OUT_OF_DATE_CONFIGURATION_NEEDED, S.UP_TO_DATE, S.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED),
        (S.OUT_OF_DATE, S.OUT_OF_DATE, S.OUT_OF_DATE),
        (S.REVOKED, S.UP_TO_DATE, S.REVOKED),
        (S.NOT_SUPPORTED, S.UP_TO_DATE, S.NOT_SUPPORTED),
        (S.UP_TO_DATE, S.NOT_SUPPORTED, S.NOT_SUPPORTED),
        (S.OUT_OF_DATE, S.REVOKED, S.REVOKED),
    ],
)
def test_an_update_below_a_running_domain_asks_for_a_new_launch_and_undoes_nothing(launch, current, expected):
    at_launch, now = (TcbVerdict(status=status, date=None, advisories=(status,)) for status in (launch, current))
    counts = now if expected is current else at_launch
    assert relaunched(at_launch, now) == counts._replace(status=expected)


def test_dates_have_a_zone():
    assert info().levels[0].verdict.date == datetime(2025, 1, 1, tzinfo=UTC)
