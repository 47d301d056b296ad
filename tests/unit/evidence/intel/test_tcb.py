"""TCB info and QE identity: read exactly, matched as Intel says."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed, QeIdentityRejected, QeMismatch, TcbInfoRejected
from caisson.evidence import TcbStatus
from caisson.evidence.intel.qe_identity import QeIdentity
from caisson.evidence.intel.tcb import TcbInfo


@pytest.fixture
def info(scene):
    return json.loads(scene.collateral["tcb_info"])


@pytest.fixture
def identity(scene):
    return json.loads(scene.collateral["qe_identity"])


def parse_info(info):
    return TcbInfo.parse(json.dumps(info).encode(), tee="SGX")


def parse_identity(identity):
    return QeIdentity.parse(json.dumps(identity).encode(), of="QE")


def level(components, pce_svn, status="UpToDate"):
    return {
        "tcb": {"sgxtcbcomponents": [{"svn": svn} for svn in components], "pcesvn": pce_svn},
        "tcbDate": "2024-03-13T00:00:00Z",
        "tcbStatus": status,
    }


def flat(components, pce_svn):
    tcb = {f"sgxtcbcomp{number:02}svn": svn for number, svn in enumerate(components, 1)}
    return {"tcb": tcb | {"pcesvn": pce_svn}, "tcbDate": "2024-03-13T00:00:00Z", "tcbStatus": "UpToDate"}


def test_both_versions_say_the_same(info):
    new = parse_info(info | {"tcbLevels": [level(range(16), 5)]})
    old = info | {"version": 2, "tcbLevels": [flat(range(16), 5)]}
    del old["id"]
    assert parse_info(old) == new
    assert new.levels[0].components == bytes(range(16))


def test_members_that_are_new_are_left_alone(info, identity):
    assert parse_info(info | {"new": 1}) == parse_info(info)
    assert parse_identity(identity | {"new": [None, 1.5]}) == parse_identity(identity)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"version": 1}, "version 1, not 2 or 3", id="older version"),
        pytest.param({"version": 4}, "version 4, not 2 or 3", id="newer version"),
        pytest.param({"id": "TDX"}, "is for 'TDX', not for SGX", id="TDX"),
        pytest.param({"tdxModule": {}}, "for SGX has `tdxModule`", id="TDX under the name of SGX"),
        pytest.param({"tcbType": 1}, "levels of type 1, not 0", id="other levels"),
    ],
)
def test_tcb_info_of_another_kind_is_refused(info, change, words):
    with pytest.raises(TcbInfoRejected, match=words):
        parse_info(info | change)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"tcbLevels": []}, id="no levels"),
        pytest.param({"tcbLevels": None}, id="levels that are none"),
        pytest.param({"tcbLevels": ["level"]}, id="levels of another type"),
        pytest.param({"tcbLevels": [level(bytes(16), 0)] * 257}, id="more levels than anybody publishes"),
        pytest.param({"tcbLevels": [level(bytes(15), 0)]}, id="15 components"),
        pytest.param({"tcbLevels": [level(bytes(17), 0)]}, id="17 components"),
        pytest.param({"tcbLevels": [level([256] + [0] * 15, 0)]}, id="component of 256"),
        pytest.param({"tcbLevels": [level([-1] + [0] * 15, 0)]}, id="negative component"),
        pytest.param({"tcbLevels": [level([True] * 16, 0)]}, id="component of another type"),
        pytest.param({"tcbLevels": [level([1.0] * 16, 0)]}, id="component with a fraction"),
        pytest.param({"tcbLevels": [level(bytes(16), 65536)]}, id="PCESVN of 65536"),
        pytest.param({"tcbLevels": [level(bytes(16), 0, "Fine")]}, id="unknown status"),
        pytest.param({"tcbLevels": [level(bytes(16), 0, "TCBNotSupported")]}, id="a status of our own"),
        pytest.param({"tcbLevels": [level(bytes(16), 0, "TDRelaunchAdvised")]}, id="a status that follows from two"),
        pytest.param({"tcbLevels": [level(bytes(16), 0, "TDRelaunchAdvisedConfigurationNeeded")]}, id="another one"),
        pytest.param({"fmspc": "00"}, id="short FMSPC"),
        pytest.param({"fmspc": "00 00 00 00 00 00"}, id="FMSPC with spaces"),
        pytest.param({"fmspc": 0}, id="FMSPC of another type"),
        pytest.param({"issueDate": "2024-03-13"}, id="a day"),
        pytest.param({"issueDate": "2024-03-13T00:00:00+00:00"}, id="a time with an offset"),
        pytest.param({"issueDate": "2024-03-13T00:00:00.0Z"}, id="a time with a fraction"),
        pytest.param({"issueDate": "2024-02-30T00:00:00Z"}, id="a day that is none"),
        pytest.param({"nextUpdate": 0}, id="a time of another type"),
        pytest.param({"tcbEvaluationDataNumber": -1}, id="negative evaluation"),
        pytest.param({"tcbEvaluationDataNumber": "1"}, id="evaluation of another type"),
    ],
)
def test_tcb_info_that_is_not_well_formed_is_refused(info, change):
    with pytest.raises(Malformed):
        parse_info(info | change)


@pytest.mark.parametrize(
    "member", ["version", "id", "issueDate", "nextUpdate", "fmspc", "pceId", "tcbType", "tcbEvaluationDataNumber"]
)
def test_nothing_in_tcb_info_is_optional(info, member):
    del info[member]
    with pytest.raises(Malformed, match=member):
        parse_info(info)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "nonsense", '{"version":NaN}', '{"a":' * 100_000, '{"version":3,"version":3}', "\ud800"]
)
def test_what_is_no_object_is_refused(text):
    with pytest.raises(Malformed):
        TcbInfo.parse(text.encode("utf-8", "surrogatepass"), tee="SGX")


def test_only_utf_8_is_read(info):
    with pytest.raises(Malformed):
        TcbInfo.parse(json.dumps(info).encode("utf-16"), tee="SGX")


@pytest.mark.parametrize("change", [{"version": 1}, {"version": 3}, {"id": "TD_QE"}, {"id": "QVE"}], ids=str)
def test_an_identity_of_another_kind_is_refused(identity, change):
    with pytest.raises(QeIdentityRejected):
        parse_identity(identity | change)


@pytest.mark.parametrize(
    "change",
    [
        {"tcbLevels": []},
        {"tcbLevels": [{}]},
        {"miscselect": "00"},
        {"miscselectMask": "FFFFFFFFFF"},
        {"attributes": "11"},
        {"attributesMask": ""},
        {"mrsigner": "00"},
        {"mrsigner": "0" * 63 + "x"},
        {"isvprodid": 65536},
        {"isvprodid": "1"},
        {"issueDate": ""},
    ],
    ids=str,
)
def test_an_identity_that_is_not_well_formed_is_refused(identity, change):
    with pytest.raises(Malformed):
        parse_identity(identity | change)


def test_an_identity_has_no_more_levels_than_anybody_publishes(identity):
    (first, *_) = identity["tcbLevels"]
    assert len(parse_identity(identity | {"tcbLevels": [first] * 256}).levels) == 256
    with pytest.raises(Malformed, match="257 levels"):
        parse_identity(identity | {"tcbLevels": [first] * 257})


def test_a_platforms_levels_may_be_as_many_as_256(info):
    assert len(parse_info(info | {"tcbLevels": [level(bytes(16), 0)] * 256}).levels) == 256


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_the_highest_level_that_the_quoting_enclave_reaches_counts(scene, identity, order):
    qe = scene.platform.quoting_enclave.identity
    (first, *_) = identity["tcbLevels"]
    steps = ((qe.isv_svn + 1, "UpToDate"), (qe.isv_svn, "OutOfDate"), (0, "Revoked"))
    levels = [first | {"tcb": {"isvsvn": svn}, "tcbStatus": status} for svn, status in steps]
    found = parse_identity(identity | {"tcbLevels": [levels[at] for at in order]})
    for more, (_, status) in zip((1, 0, -1), steps, strict=True):
        assert found.verdict(replace(qe, isv_svn=qe.isv_svn + more)).status.value == status


def test_bits_of_the_quoting_enclave_beyond_the_mask_do_not_count(domain_scene, platform):
    unusual = domain_scene.signed(qe=replace(platform.quoting_enclave.identity, misc_select=0xFF))
    unmasked = unusual.with_statement("qe_identity", lambda identity: identity.update(miscselectMask="00FFFFFF"))
    assert unmasked.verify().tcb.status is TcbStatus.UP_TO_DATE
    with pytest.raises(QeMismatch, match="MISCSELECT 0xff"):
        unusual.verify()


def test_masks_say_which_bits_count(scene):
    """The quoting enclave differs from the identity only where the mask is zero: it is the one."""

    def unmask(identity):
        identity.update(miscselect="FF000000", miscselectMask="00FFFFFF")
        identity.update(attributes="ff" * 16, attributesMask="00" * 16)

    assert scene.with_statement("qe_identity", unmask).verify().tcb.status is TcbStatus.UP_TO_DATE


def test_a_status_of_platforms_does_not_fit_a_quoting_enclave(make_scene):
    with pytest.raises(Malformed, match="which only platforms have"):
        make_scene(qe_status="ConfigurationNeeded").verify()


def test_the_first_level_that_is_not_above_the_platform_counts(scene, info):
    pck = scene.verify().pck
    own = list(pck.cpu_svn.value)

    def status(*levels):
        return parse_info(info | {"tcbLevels": list(levels)}).verdict(pck).status

    assert status(level(own, pck.pce_svn)) is TcbStatus.UP_TO_DATE
    for index in range(16):
        above = own.copy()
        above[index] += 1
        assert status(level(above, 0)) is TcbStatus.NOT_SUPPORTED
        assert status(level(above, 0), level(own, 0, "OutOfDate")) is TcbStatus.OUT_OF_DATE
    assert status(level(own, pck.pce_svn + 1)) is TcbStatus.NOT_SUPPORTED


@given(order=st.permutations(range(4)))
def test_the_order_in_the_document_does_not_count(scene, order):
    pck = scene.verify().pck
    info = json.loads(scene.collateral["tcb_info"])
    own = list(pck.cpu_svn.value)
    levels = [
        level([255] * 16, 0, "Revoked"),
        level(own, pck.pce_svn),
        level(own, 0, "SWHardeningNeeded"),
        level(bytes(16), 0, "OutOfDate"),
    ]
    shuffled = parse_info(info | {"tcbLevels": [levels[index] for index in order]})
    assert shuffled.verdict(pck).status is TcbStatus.UP_TO_DATE
