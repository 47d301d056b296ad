"""Results and the tokens that carry them: honest numbers, one algorithm, one meaning."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from caisson import __version__
from caisson.errors import (
    BindingRejected,
    CaissonError,
    Expired,
    Malformed,
    NotYetValid,
    PolicyRejected,
    SignatureRejected,
    UsageError,
)
from caisson.evidence import (
    INTEL_SGX_ROOT,
    AttestationResult,
    Collateral,
    EarSigner,
    Evidence,
    Question,
    TcbStatus,
    TcbVerdict,
    Tier,
    TrustVector,
    evidence_extension,
    examine,
    policy_id,
    verify_ear,
)
from caisson.evidence.binding.ra_tls import LEGACY_OID
from caisson.evidence.binding.tagged import OID
from caisson.evidence.snp import SnpCollateral, verify_snp
from tests.unit.evidence.conftest import DEBUG, SERVER, Scene
from tests.unit.evidence.snp.conftest import Maker

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def signer():
    return EarSigner.generate()


@pytest.fixture(scope="module")
def verified(scene):
    return scene.verify()


@pytest.fixture(scope="module")
def on_hardware(verified):
    """What a quote under Intel's root would be; the bytes for it only Intel could make."""
    return replace(verified, root=INTEL_SGX_ROOT)


@pytest.fixture(scope="module")
def good(on_hardware, policy):
    return AttestationResult.of(on_hardware, policy=policy)


def with_status(quote, status):
    return replace(quote, tcb=TcbVerdict(status=status, date=None, advisories=()))


# The vector.


@pytest.mark.parametrize(
    ("claim", "tier"),
    [(0, 0), (1, 0), (-1, 0), (2, 2), (31, 2), (32, 32), (95, 32), (96, 96), (127, 96), (-32, 32), (-128, 96)],
)
def test_tiers_are_those_of_ar4si(claim, tier):
    assert Tier.of(claim) is Tier(tier)


@pytest.mark.parametrize(
    ("status", "hardware", "configuration", "tier"),
    [
        (TcbStatus.UP_TO_DATE, 2, 3, Tier.AFFIRMING),
        (TcbStatus.SW_HARDENING_NEEDED, 32, 0, Tier.WARNING),
        (TcbStatus.CONFIGURATION_NEEDED, 2, 32, Tier.WARNING),
        (TcbStatus.CONFIGURATION_AND_SW_HARDENING_NEEDED, 32, 32, Tier.WARNING),
        (TcbStatus.OUT_OF_DATE, 32, 0, Tier.WARNING),
        (TcbStatus.OUT_OF_DATE_CONFIGURATION_NEEDED, 32, 32, Tier.WARNING),
        (TcbStatus.REVOKED, 96, 0, Tier.CONTRAINDICATED),
        (TcbStatus.NOT_SUPPORTED, 96, 0, Tier.CONTRAINDICATED),
    ],
)
def test_each_tcb_status_has_its_claims(on_hardware, policy, status, hardware, configuration, tier):
    result = AttestationResult.of(with_status(on_hardware, status), policy=policy)
    assert (result.vector.hardware, result.vector.configuration) == (hardware, configuration)
    assert result.status is tier


def test_nothing_is_claimed_that_nobody_looked_into(good):
    members = good.vector.members()
    unknown = {"instance-identity", "file-system", "storage-opaque", "sourced-data"}
    assert {name for name, claim in members.items() if claim == 0} == unknown
    assert (members["executables"], members["runtime-opaque"]) == (3, 2)


def test_a_software_platform_is_contraindicated_even_if_the_policy_accepts_it(verified, policy):
    result = AttestationResult.of(verified, policy=policy)
    assert (result.accepted, result.status) == (True, Tier.CONTRAINDICATED)
    assert (result.vector.hardware, result.vector.configuration, result.vector.runtime_opaque) == (97, 0, 96)


def test_a_debug_enclave_is_contraindicated(debug_scene, policy):
    quote = replace(debug_scene.verify(), root=INTEL_SGX_ROOT)
    result = AttestationResult.of(quote, policy=policy)
    assert (result.vector.configuration, result.vector.runtime_opaque) == (96, 96)
    assert result.status is Tier.CONTRAINDICATED


def test_without_a_policy_nothing_is_affirmed(on_hardware):
    result = AttestationResult.of(on_hardware, policy=None)
    assert (result.accepted, result.status, result.vector.executables) == (None, Tier.NONE, 0)


def test_what_the_policy_refuses_is_contraindicated_with_every_reason(on_hardware, policy):
    result = AttestationResult.of(on_hardware, policy=policy, refusal=PolicyRejected(("one", "two"), hint="ask"))
    assert (result.accepted, result.status, result.reasons) == (False, Tier.CONTRAINDICATED, ("one", "two"))
    assert (result.hint, result.vector.executables) == ("ask", 0)


def test_a_second_no_is_added_to_the_first(good):
    denied = good.denied("not today").denied("nor tomorrow")
    assert (denied.accepted, denied.reasons) == (False, ("not today", "nor tomorrow"))
    assert (denied.status, denied.vector.executables, denied.facts) == (Tier.CONTRAINDICATED, 0, good.facts)


def test_evidence_that_is_not_genuine_has_no_facts(scene, policy):
    for asked, accepted in ((policy, False), (None, None)):
        result = AttestationResult.refused(BindingRejected("no"), policy=asked, at=scene.at)
        assert (result.genuine, result.accepted, result.facts, result.reasons) == (False, accepted, {}, ("no",))
        assert (result.status, result.vector) == (Tier.CONTRAINDICATED, TrustVector())
        assert result.policy_id == (None if asked is None else policy_id(asked))


def test_a_policy_is_named_by_its_content(policy):
    assert policy_id(policy) == policy_id(type(policy).parse(policy.encode().encode()))
    assert policy_id(policy) != policy_id(replace(policy, allow_debug=True))


# Looking at evidence.


@pytest.fixture(scope="module")
def look(scene, policy):
    def look(raw, *, policy=policy, collateral=None, roots=scene.roots):
        bundle = Collateral.parse(scene.collateral) if collateral is None else collateral
        return examine(Evidence.recognise(raw), bundle, Question(policy=policy, roots=roots, at=scene.at))

    return look


def test_quotes_and_activations_are_looked_at(look, scene, activation):
    assert look(scene.quote).accepted
    assert (look(scene.quote, policy=None).accepted, look(scene.quote, policy=None).reasons) == (None, ())
    result = look(activation.encode())
    assert (result.accepted, result.facts["evidence"]) == (True, "activation")
    assert (result.facts["workload"], result.facts["key_server"]) == ("redis", str(SERVER))


def test_certificates_are_looked_at(look, activation, tls_key, scene, policy, platform):
    """Ours say who provisioned them, RA-TLS does not."""
    name = x509.Name([])

    def certificate(oid, value):
        builder = x509.CertificateBuilder(name, name, tls_key.public_key(), 1, scene.at, scene.at + MINUTE)
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        return builder.add_extension(extension, critical=False).sign(tls_key, SHA256()).public_bytes(Encoding.DER)

    ours = look(certificate(OID, evidence_extension(activation).value))
    assert (ours.accepted, ours.facts["workload"]) == (True, "redis")
    window = {"begins": scene.at.isoformat(), "ends": (scene.at + MINUTE).isoformat()}
    assert ours.facts["certificate"] == window
    spki = tls_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    quote = Scene.of(platform, report_data=sha256(spki).digest() + bytes(32)).quote
    other = look(certificate(LEGACY_OID, quote), policy=replace(policy, key_servers=frozenset()))
    assert (other.accepted, "workload" in other.facts) == (True, False)
    assert (other.facts["evidence"], other.facts["claims"]) == ("ra-tls", None)


def test_a_no_is_a_result(look, scene, activation, policy, platform):
    debug = look(Scene.of(platform, attributes=DEBUG).quote)
    assert (debug.genuine, debug.accepted, debug.facts["debug"]) == (True, False, True)
    other = look(replace(activation, runtime_data=b"{}").encode())
    assert (other.genuine, other.reasons) == (False, ("the quote does not vouch for these runtime data",))
    unknown = look(activation.encode(), policy=replace(policy, key_servers=frozenset()))
    assert (unknown.genuine, unknown.accepted) == (True, False)
    assert not look(scene.quote, roots=frozenset(), policy=None).genuine
    assert not look(b"\xffjunk").genuine


def test_what_cannot_be_answered_is_not_answered(look, activation, scene):
    empty, report = SnpCollateral(vek=b"", chain=b"", crl=None), b"\3".ljust(1184, b"\0")
    with pytest.raises(UsageError, match="need a policy"):
        look(activation.encode(), policy=None)
    with pytest.raises(UsageError, match="a quote needs"):
        look(scene.quote, collateral=empty)
    with pytest.raises(UsageError, match="an SNP report needs"):
        look(report)
    with pytest.raises(UsageError, match="is for SGX"):
        look(report, collateral=empty)


@pytest.fixture(scope="module")
def amd():
    return Maker()


def test_reports_are_looked_at(look, amd, scene):
    case = amd.case()
    collateral = SnpCollateral(vek=case.vek, chain=case.chain, crl=None)
    result = examine(Evidence.recognise(case.report), collateral, Question(policy=None, roots=case.roots, at=case.at))
    assert (result.tee, result.genuine, result.facts["product"]) == ("sev-snp", True, "Genoa")
    assert (result.vector.hardware, result.status) == (97, Tier.CONTRAINDICATED)
    genuine = replace(verify_snp(case.report, case.vek, case.chain, roots=case.roots, at=case.at))
    assert TrustVector.of(genuine, approved=False).runtime_opaque == 96
    assert not look(case.report, policy=None, collateral=collateral).genuine
    assert scene.at > case.at


# The token.


def test_a_token_says_what_the_result_says(signer, good):
    token = signer.sign(good, lifetime=5 * MINUTE, nonce="n-0123456789")
    read = verify_ear(token, signer.keys(), at=good.at + MINUTE)
    assert (read.tee, read.status, read.accepted, read.reasons) == ("sgx", Tier.AFFIRMING, True, ())
    assert (read.vector, read.facts, read.policy_id) == (good.vector.members(), good.facts, good.policy_id)
    assert (read.nonce, read.issued, read.expires) == ("n-0123456789", good.at, good.at + 5 * MINUTE)


def test_a_token_names_its_key_and_who_looked(signer, good):
    header, body, _ = signer.sign(good, lifetime=MINUTE).split(".")
    (key,) = signer.keys()["keys"]
    assert json.loads(urlsafe_b64decode(header + "==")) == {"alg": "ES256", "kid": key["kid"], "typ": "JWT"}
    claims = json.loads(urlsafe_b64decode(body + "=="))
    assert claims["ear.verifier-id"] == {"developer": "Caisson", "build": f"caisson {__version__}"}
    assert claims["submods"]["sgx"]["caisson.genuine"] is True


def test_refusals_are_signed_too(signer, scene):
    result = AttestationResult.refused(BindingRejected("no"), policy=None, at=scene.at)
    read = verify_ear(signer.sign(result, lifetime=MINUTE), signer.keys(), at=scene.at)
    assert (read.tee, read.status, read.accepted) == ("evidence", Tier.CONTRAINDICATED, None)
    assert (read.reasons, read.policy_id, read.nonce) == (("no",), None, None)


def test_a_token_does_not_outlive_its_argument(signer, good):
    token = signer.sign(good, lifetime=timedelta(days=400))
    assert verify_ear(token, signer.keys(), at=good.at).expires == good.expires
    with pytest.raises(Expired):
        verify_ear(token, signer.keys(), at=good.expires)
    with pytest.raises(NotYetValid):
        verify_ear(token, signer.keys(), at=good.at - MINUTE)


def test_the_published_keys_hold_nothing_private(signer):
    (key,) = signer.keys()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert "d=" not in repr(signer)


def test_a_key_is_kept_in_a_file(good):
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    first, again = EarSigner.load(pem), EarSigner.load(pem)
    assert first.keys() == again.keys()
    assert verify_ear(first.sign(good, lifetime=MINUTE), again.keys(), at=good.at)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"junk",
        rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        ),
    ],
    ids=["empty", "junk", "RSA", "P-384", "encrypted"],
)
def test_only_one_kind_of_key_signs(pem):
    with pytest.raises(Malformed) as refused:
        EarSigner.load(pem)
    assert "ec_paramgen_curve:P-256" in str(refused.value.hint)


@pytest.mark.parametrize("nonce", ["short", "x" * 89, "with space", "ümlaut12", "12345678\n"])
def test_a_nonce_has_one_form(signer, good, nonce):
    with pytest.raises(Malformed):
        signer.sign(good, lifetime=MINUTE, nonce=nonce)


# Forged tokens.


@pytest.fixture(scope="module")
def claims(signer, good):
    token = signer.sign(good, lifetime=5 * MINUTE)
    return jwt.decode(token, ECKey.import_key(signer.keys()["keys"][0]), algorithms=["ES256"]).claims


@pytest.fixture(scope="module")
def forge(signer):
    """Sign claims as the verifier would, or with another header and key."""

    def forge(claims, *, header=None, key=None):
        key = key or signer._key
        return jwt.encode({"alg": "ES256", "kid": signer._key.kid, **(header or {})}, claims, key)

    return forge


def test_another_key_is_refused(signer, claims, forge, good):
    with pytest.raises(SignatureRejected):
        verify_ear(forge(claims, key=ECKey.generate_key("P-256")), signer.keys(), at=good.at)
    with pytest.raises(SignatureRejected):
        verify_ear(forge(claims), EarSigner.generate().keys(), at=good.at)
    with pytest.raises(SignatureRejected):
        verify_ear(forge(claims, header={"kid": "another"}), signer.keys(), at=good.at)


def test_the_public_key_is_no_secret_of_another_algorithm(signer, claims, good):
    """Algorithm confusion: a MAC whose key is the text of the public key."""
    (public,) = signer.keys()["keys"]
    key = OctKey.import_key(json.dumps(public).encode())
    forged = jwt.encode({"alg": "HS256", "kid": public["kid"]}, claims, key, algorithms=["HS256"])
    with pytest.raises(SignatureRejected):
        verify_ear(forged, signer.keys(), at=good.at)


def with_header(token, header):
    """Put another header before the same payload and signature."""
    _, payload, signature = token.split(".")
    return ".".join((urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("="), payload, signature))


def test_no_signature_is_no_signature(signer, claims, forge, good):
    token = forge(claims)
    unsigned = with_header(token, {"alg": "none"}).rpartition(".")[0] + "."
    for forged in (unsigned, token.rpartition(".")[0] + ".", with_header(token, {"alg": "none"})):
        with pytest.raises(SignatureRejected):
            verify_ear(forged, signer.keys(), at=good.at)


def test_critical_headers_are_not_ignored(signer, claims, good):
    header = {"alg": "ES256", "kid": signer._key.kid, "crit": ["luck"], "luck": 1}
    head, payload = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    r, s = decode_dss_signature(signer._key.private_key.sign(f"{head}.{payload}".encode(), ec.ECDSA(SHA256())))
    signature = urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode().rstrip("=")
    with pytest.raises(SignatureRejected):
        verify_ear(f"{head}.{payload}.{signature}", signer.keys(), at=good.at)


def appraisal(claims):
    return claims["submods"]["sgx"]


def changed(claims, change):
    copy = json.loads(json.dumps(claims))
    change(copy)
    return copy


@pytest.mark.parametrize(
    "change",
    [
        lambda claims: claims.pop("iat"),
        lambda claims: claims.pop("exp"),
        lambda claims: claims.update(exp="tomorrow"),
        lambda claims: claims.update(exp=1 << 60),
        lambda claims: claims.update(eat_profile="another"),
        lambda claims: claims.update(submods={}),
        lambda claims: claims.update(submods={"sgx": {}, "tdx": {}}),
        lambda claims: claims.update(submods={"sgx": {}}),
        lambda claims: claims.update(submods=[]),
        lambda claims: appraisal(claims).update({"ear.status": "splendid"}),
        lambda claims: appraisal(claims)["ear.trustworthiness-vector"].update({"hardware": 97}),
        lambda claims: appraisal(claims)["ear.trustworthiness-vector"].update({"hardware": 300}),
        lambda claims: appraisal(claims)["ear.trustworthiness-vector"].update({"hardware": True}),
        lambda claims: appraisal(claims)["ear.trustworthiness-vector"].pop("hardware"),
        lambda claims: appraisal(claims)["ear.trustworthiness-vector"].update({"luck": 2}),
        lambda claims: appraisal(claims).update({"caisson.accepted": "yes"}),
        lambda claims: appraisal(claims).update({"caisson.evidence": []}),
        lambda claims: appraisal(claims).update({"ear.appraisal-policy-id": 1}),
        lambda claims: claims.update(eat_nonce=1),
    ],
    ids=range(19),
)
def test_a_token_has_one_form(signer, claims, forge, good, change):
    with pytest.raises(Malformed):
        verify_ear(forge(changed(claims, change)), signer.keys(), at=good.at)


@pytest.mark.parametrize(("claim", "fits"), [(-129, False), (-128, True), (127, True), (128, False)])
def test_a_claim_is_a_byte_with_a_sign(signer, claims, forge, good, claim, fits):
    def change(claims):
        appraisal(claims)["ear.trustworthiness-vector"]["hardware"] = claim
        appraisal(claims)["ear.status"] = "contraindicated"

    token = forge(changed(claims, change))
    if fits:
        assert verify_ear(token, signer.keys(), at=good.at).vector["hardware"] == claim
    else:
        with pytest.raises(Malformed, match="vector that is none"):
            verify_ear(token, signer.keys(), at=good.at)


def test_a_result_without_a_policy_has_no_status_and_its_claims_all_the_same(signer, on_hardware):
    token = signer.sign(AttestationResult.of(on_hardware, policy=None), lifetime=MINUTE)
    read = verify_ear(token, signer.keys(), at=on_hardware.verified_at)
    assert (read.status, read.accepted, read.vector["hardware"]) == (Tier.NONE, None, 2)


@pytest.mark.parametrize("keys", [{}, {"keys": None}, {"keys": [{}]}, {"keys": [1]}, [], None, "keys"])
def test_keys_are_a_set_of_keys(claims, forge, good, keys):
    with pytest.raises(Malformed):
        verify_ear(forge(claims), keys, at=good.at)


def test_keys_of_another_curve_are_refused(signer, claims, forge, good):
    other = ECKey.generate_key("P-384", auto_kid=True).as_dict(private=False)
    for keys in ([other], [*signer.keys()["keys"], other]):
        with pytest.raises(Malformed, match="not all on P-256"):
            verify_ear(forge(claims), {"keys": keys}, at=good.at)


def test_a_token_has_a_size(signer, good):
    with pytest.raises(Malformed, match="more than"):
        verify_ear("x" * (1 << 17), signer.keys(), at=good.at)


@given(token=st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: raw.hex() + "." + raw.hex() + "."))
def test_any_text_is_a_token_or_refused(signer, good, token):
    with pytest.raises(CaissonError):
        verify_ear(token, signer.keys(), at=good.at)


@given(at=st.integers(min_value=0), letter=st.sampled_from("AZaz09-_."))
def test_no_changed_letter_is_accepted(signer, claims, forge, good, at, letter):
    token = forge(claims)
    at %= len(token)
    mutant = token[:at] + letter + token[at + 1 :]
    # The last letter of base64 may hold bits that are not part of any byte.
    last = at + 1 == len(token) or token[at + 1] == "."
    if mutant != token and not last:
        with pytest.raises(CaissonError):
            verify_ear(mutant, signer.keys(), at=good.at)
