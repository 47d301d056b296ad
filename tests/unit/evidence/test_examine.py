"""One look at evidence of every TEE: what was found, what a policy makes of it, and what cannot be asked."""

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from caisson.abi import ReportData
from caisson.errors import PolicyRejected, UsageError
from caisson.evidence import (
    INTEL_SGX_ROOT,
    Collateral,
    Evidence,
    Policy,
    Question,
    Tier,
    appraise,
    described,
    examine,
    parse_policy,
)
from caisson.evidence.binding.ra_tls import LEGACY_OID, TAG
from caisson.evidence.binding.tagged import OID
from caisson.evidence.intel.tcb_status import TcbStatus
from caisson.evidence.policy import DomainRule
from caisson.evidence.trust_vector import Configuration, Hardware, TrustVector
from caisson.tdx import MrTd, TdBody, TeeTcbSvn
from tests.unit.evidence.domains import BASE, CURRENT, OLDER, DomainScene, domain, module, module_level
from tests.unit.evidence.policy.test_every_tee import GOOD


@pytest.fixture(scope="module")
def policy(domain_policy):
    return domain_policy


@pytest.fixture(scope="module")
def look(domain_scene):
    def look(raw, policy, scene=domain_scene):
        question = Question(policy=policy, roots=scene.roots, at=scene.at)
        return examine(Evidence.recognise(raw), Collateral.parse(scene.collateral), question)

    return look


def test_a_domain_is_accepted_by_the_rule_that_names_it(domain_scene, policy):
    verified = domain_scene.verify()
    other = DomainRule(mr_td=MrTd(b"T" * 48))
    appraisal = appraise(verified, replace(policy, domains=(other, *policy.domains)))
    assert appraisal.evidence is verified
    assert appraisal.rule == policy.domains[0]


def test_what_is_known_of_a_domain_is_told(look, domain_scene, policy):
    result = look(domain_scene.quote, policy)
    assert (result.tee, result.genuine, result.accepted, result.reasons) == ("tdx", True, True, ())
    assert result.facts["mrtd"] == str(domain_scene.body.mr_td)
    assert result.facts["tee_tcb_svn"] == str(CURRENT)
    assert (result.facts["current_tcb_status"], result.facts["current_advisory_ids"]) == ("UpToDate", [])
    assert (result.facts["memory_protection"], result.facts["smt_enabled"]) == ("standard", None)
    assert look(domain_scene.quote, None).accepted is None
    no = look(domain_scene.quote, replace(policy, domains=()))
    assert (no.genuine, no.accepted, no.reasons) == (True, False, ("no domain is accepted: `domains` is empty",))


def test_a_host_that_goes_back_to_an_older_module_is_noticed(domain_scene, policy):
    """The domain was launched on what is good, and its status says so; now it runs on what is not."""
    verified = domain_scene.signed(body=domain(tee_tcb_svn2=OLDER)).verify()
    assert verified.tcb.status is TcbStatus.UP_TO_DATE
    with pytest.raises(PolicyRejected, match="runs below the domain now is OutOfDate") as caught:
        appraise(verified, policy)
    assert len(caught.value.reasons) == 1
    lax = replace(policy, tcb_statuses=frozenset({TcbStatus.UP_TO_DATE, TcbStatus.OUT_OF_DATE}))
    assert appraise(verified, lax)


@pytest.mark.parametrize("status", ["SWHardeningNeeded", "ConfigurationNeeded", "OutOfDateConfigurationNeeded"])
def test_a_host_that_goes_back_to_anything_worse_is_noticed(domain_scene, policy, status):
    scene = domain_scene.with_statement("tcb_info", lambda info: info["tcbLevels"][1].update(tcbStatus=status))
    back = TeeTcbSvn(bytes([5, 1, 2]).ljust(16, b"\0"))
    verified = scene.signed(body=domain(tee_tcb_svn2=back)).verify()
    assert (verified.tcb.status, verified.current_tcb.status) == (TcbStatus.UP_TO_DATE, status)
    with pytest.raises(PolicyRejected, match=f"runs below the domain now is {status}") as caught:
        appraise(verified, policy)
    assert len(caught.value.reasons) == 1
    assert appraise(verified, replace(policy, tcb_statuses=policy.tcb_statuses | {TcbStatus(status)}))


def test_a_relaunch_may_be_advised_without_a_word_on_what_is_current(domain_scene, policy):
    verified = domain_scene.signed(body=domain(tee_tcb_svn=OLDER)).verify()
    assert (verified.tcb.status, verified.current_tcb.status) == (TcbStatus.TD_RELAUNCH_ADVISED, TcbStatus.UP_TO_DATE)
    assert appraise(verified, replace(policy, tcb_statuses=frozenset({TcbStatus.TD_RELAUNCH_ADVISED})))


def test_advisories_of_what_runs_now_count_too(domain_scene, policy):
    """The status says that a new launch is advised; what it would be launched on has holes of its own."""

    def advise(info):
        newer = module_level("UpToDate", 5) | {"advisoryIDs": ["INTEL-SA-00005"]}
        older = module_level("OutOfDate", 0) | {"advisoryIDs": ["INTEL-SA-00001"]}
        info["tdxModuleIdentities"] = [module(id="TDX_01", tcbLevels=[newer, older])]

    scene = domain_scene.with_statement("tcb_info", advise)
    verified = scene.signed(body=domain(tee_tcb_svn=OLDER)).verify()
    assert verified.tcb.status is TcbStatus.TD_RELAUNCH_ADVISED
    accepting = replace(policy, tcb_statuses=frozenset({verified.tcb.status}), advisories=frozenset({"INTEL-SA-00001"}))
    with pytest.raises(PolicyRejected, match=r"runs below the domain now has advisories .*: INTEL-SA-00005") as caught:
        appraise(verified, accepting)
    assert len(caught.value.reasons) == 1
    assert appraise(verified, replace(accepting, advisories=frozenset({"INTEL-SA-00001", "INTEL-SA-00005"})))


def test_a_domain_of_tdx_10_does_not_tell_what_runs_now(platform, policy):
    scene = DomainScene.on(platform, domain(TdBody, tee_tcb_svn=BASE), 4)
    verified = scene.verify()
    assert verified.current_tcb is None
    assert appraise(verified, replace(policy, service_domains=None))


@pytest.fixture(scope="module")
def certify(domain_scene, tls_key):
    """Make a certificate with evidence of domains in each form that is asked for, all of them about its key."""
    spki = tls_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    claims = cbor2.dumps({"pubkey-hash": cbor2.dumps([1, sha256(spki).digest()])})

    def quote(about, body):
        digest = sha256(about).digest()
        return domain_scene.signed(body=replace(body, report_data=ReportData(digest.ljust(64, b"\0")))).quote

    def certify(*, tagged=None, legacy=None, key=spki):
        name, at = x509.Name([]), domain_scene.at
        builder = x509.CertificateBuilder(name, name, tls_key.public_key(), 1, at, at + timedelta(hours=1))
        for oid, value in (
            (OID, tagged and cbor2.dumps(cbor2.CBORTag(TAG, [quote(claims, tagged), claims]))),
            (LEGACY_OID, legacy and quote(key, legacy)),
        ):
            if value is not None:
                extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
                builder = builder.add_extension(extension, critical=False)
        return builder.sign(tls_key, SHA256()).public_bytes(Encoding.DER)

    return certify


def test_a_certificate_of_a_domain_is_appraised_in_each_form(look, certify, domain_scene, policy):
    body = domain_scene.body
    for forms in ({"tagged": body}, {"legacy": body}, {"tagged": body, "legacy": body}):
        result = look(certify(**forms), policy)
        assert (result.tee, result.accepted, result.facts["mrtd"]) == ("tdx", True, str(body.mr_td))
        assert result.facts["claims"] == ([] if "tagged" in forms else None)
    no = look(certify(tagged=body), replace(policy, domains=()))
    assert (no.genuine, no.accepted, no.reasons) == (True, False, ("no domain is accepted: `domains` is empty",))


def test_what_a_certificate_shows_holds_no_longer_than_the_certificate(look, certify, domain_scene, policy):
    """It is looked at as a part of the argument, so a token must not outlive it either."""
    body, at = domain_scene.body, domain_scene.at
    assert look(certify(legacy=body), policy).expires == at + timedelta(hours=1)
    assert look(certify(legacy=body), replace(policy, domains=())).expires == at + timedelta(hours=1)
    assert look(domain_scene.quote, policy).expires == at + timedelta(days=30)


def test_a_certificate_with_another_keys_quote_of_a_domain_is_not_genuine(look, certify, domain_scene, policy):
    """A relay: a domain's genuine quote in a certificate for one's own key."""
    result = look(certify(legacy=domain_scene.body, key=b"another"), policy)
    assert (result.genuine, result.accepted) == (False, False)
    assert "is about another key" in result.reasons[0]


def test_a_certificate_of_two_domains_is_not_genuine(look, certify, domain_scene, policy):
    body = domain_scene.body
    result = look(certify(tagged=body, legacy=replace(body, mr_td=MrTd(b"T" * 48))), policy)
    assert (result.genuine, result.accepted) == (False, False)
    assert "quotes of two enclaves or domains" in result.reasons[0]


def test_activation_evidence_of_a_domain_is_not_appraised(look, activation, domain_scene, policy):
    """What it binds to its quote is read for enclaves only; half an answer would look like a whole one."""
    with pytest.raises(UsageError, match="for SGX only"):
        look(replace(activation, quote=domain_scene.quote).encode(), policy)


def test_a_policy_for_another_tee_is_a_mistake(look, scene, domain_scene, policy):
    with pytest.raises(UsageError, match="policy is for TDX, and the evidence is an enclave's"):
        look(scene.quote, policy, scene)
    with pytest.raises(UsageError, match="policy is for SEV-SNP, and the evidence is a quote"):
        look(scene.quote, parse_policy(json.dumps(GOOD["sev-snp"]).encode()), scene)
    with pytest.raises(PolicyRejected, match="another TEE"):
        appraise(scene.verify(), policy)
    assert domain_scene.verify()


def test_what_a_policy_says_can_be_told(policy):
    told = {name: value for name, _, value in described(policy)}
    assert told["required_attributes"] == ["SEPT_VE_DISABLE"]
    assert set(told) == set(policy.members) - {"version", "tee"}


def test_a_policy_of_version_1_says_nothing_of_what_is_newer(scene):
    policy = Policy(
        roots=scene.roots,
        tcb_statuses=frozenset(),
        advisories=frozenset(),
        allow_debug=False,
        minimum_tcb_evaluation_data_number=0,
        key_servers=frozenset(),
        enclaves=(),
    )
    assert "platforms" not in {name for name, _, _ in described(policy)}


def test_a_domain_to_be_launched_again_with_another_configuration_is_rated(domain_scene):
    verified = domain_scene.verify()
    status = TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
    on_hardware = replace(verified, root=INTEL_SGX_ROOT, tcb=verified.tcb._replace(status=status))
    rated = TrustVector.of(on_hardware, approved=True)
    assert (rated.hardware, rated.configuration) == (Hardware.UNSAFE, Configuration.UNSAFE)
    assert rated.worst is Tier.WARNING
    assert TrustVector.of(verified, approved=True).hardware == Hardware.UNRECOGNIZED
