"""TCB info and QE identity: their exact text, their dates, and the levels that give the status we chose."""

import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from caisson.platform import TcbStatus

MEMBERS = {
    "pck_crl_issuer_chain",
    "root_ca_crl",
    "pck_crl",
    "tcb_info_issuer_chain",
    "tcb_info",
    "tcb_info_signature",
    "qe_identity_issuer_chain",
    "qe_identity",
    "qe_identity_signature",
    "pck_certificate_chain",
}


def matching_level(machine, levels):
    """Intel's rule: the first level that the machine reaches in every component."""
    for level in levels:
        components = [component["svn"] for component in level["tcb"]["sgxtcbcomponents"]]
        reached = all(own >= asked for own, asked in zip(machine.cpu_svn.value, components, strict=True))
        if reached and machine.pce_svn >= level["tcb"]["pcesvn"]:
            return level
    raise AssertionError("no level matches")


def genuine_collateral(vectors):
    for path in sorted(vectors.glob("evidence/*/sgx_v3*/collateral*.json")):
        collateral = json.loads(path.read_text())
        if json.loads(collateral["tcb_info"])["version"] == 3:
            return collateral
    raise AssertionError("no genuine collateral")


@pytest.mark.parametrize("name", ["tcb_info", "qe_identity"])
def test_members_and_their_order_are_those_of_genuine_collateral(platform, vectors, name):
    genuine = json.loads(genuine_collateral(vectors)[name])
    ours = json.loads(platform.collateral()[name])
    assert list(ours) == list(genuine)
    assert [type(value) for value in ours.values()] == [type(value) for value in genuine.values()]
    level, genuine_level = ours["tcbLevels"][0], genuine["tcbLevels"][0]
    assert list(level) == list(genuine_level)[: len(level)]
    assert list(level["tcb"]) == list(genuine_level["tcb"])


@pytest.mark.parametrize("name", ["tcb_info", "qe_identity"])
def test_text_is_signed_by_the_signer_of_its_chain(platform, name):
    collateral = platform.collateral()
    signer = x509.load_pem_x509_certificates(collateral[f"{name}_issuer_chain"].encode())[0]
    raw = bytes.fromhex(collateral[f"{name}_signature"])
    assert len(raw) == 64
    signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    signer.public_key().verify(signature, collateral[name].encode(), ECDSA(SHA256()))


def test_collateral_has_all_members_and_only_text(platform):
    collateral = platform.collateral()
    assert set(collateral) == MEMBERS
    assert {type(value) for value in collateral.values()} == {str}


def test_same_time_gives_the_same_bytes(platform, now):
    assert platform.collateral(now) == platform.collateral(now)
    assert platform.collateral() == platform.collateral(now)


@pytest.mark.parametrize("name", ["tcb_info", "qe_identity"])
def test_dates_are_those_asked_for(make_platform, now, name):
    platform = make_platform(lifetime=timedelta(days=3))
    text = json.loads(platform.collateral(now + timedelta(days=1, microseconds=7))[name])
    assert text["issueDate"] == "2026-11-24T12:00:00Z"
    assert text["nextUpdate"] == "2026-11-27T12:00:00Z"


@pytest.mark.parametrize("status", TcbStatus)
def test_machine_reaches_the_level_of_its_status(make_platform, status):
    platform = make_platform(tcb_status=status, advisories=("INTEL-SA-00001", "INTEL-SA-00002"))
    levels = json.loads(platform.collateral()["tcb_info"])["tcbLevels"]
    level = matching_level(platform.provisioning.machine, levels)
    assert level["tcbStatus"] == status.value
    assert level["advisoryIDs"] == ["INTEL-SA-00001", "INTEL-SA-00002"]


@pytest.mark.parametrize("status", [TcbStatus.OUT_OF_DATE, TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED])
def test_outdated_machine_has_a_newer_level_to_reach(make_platform, status):
    platform = make_platform(tcb_status=status, qe_status=status)
    assert json.loads(platform.collateral()["tcb_info"])["tcbLevels"][0]["tcbStatus"] == "UpToDate"
    first, second = json.loads(platform.collateral()["qe_identity"])["tcbLevels"]
    assert (first["tcbStatus"], second["tcbStatus"]) == ("UpToDate", status.value)
    assert first["tcb"]["isvsvn"] > second["tcb"]["isvsvn"] == platform.quoting_enclave.identity.isv_svn


def test_identity_is_that_of_the_quoting_enclave(platform):
    identity = json.loads(platform.collateral()["qe_identity"])
    qe = platform.quoting_enclave.identity
    assert identity["mrsigner"] == str(qe.mr_signer).upper()
    assert identity["isvprodid"] == qe.isv_prod_id
    attributes, mask = (int(identity[name], 16) for name in ("attributes", "attributesMask"))
    assert int.from_bytes(qe.attributes.encode(), "big") & mask == attributes


def test_evaluation_number_is_in_both(make_platform):
    collateral = make_platform(evaluation_number=21).collateral()
    for name in ("tcb_info", "qe_identity"):
        assert json.loads(collateral[name])["tcbEvaluationDataNumber"] == 21
