"""RA-TLS certificates: whose quote it is, which key it is about, and that all of it tells one story."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256, sha384, sha512

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import (
    BindingRejected,
    CaissonError,
    Expired,
    Malformed,
    NotYetValid,
    PolicyRejected,
    QuoteSignatureRejected,
    UntrustedRoot,
    UsageError,
)
from caisson.evidence import (
    Certificate,
    Claims,
    Collateral,
    RaTlsEvidence,
    VerifiedActivation,
    VerifiedRaTls,
    evidence_extension,
    quote_of,
    verify_peer,
    verify_ra_tls,
)
from caisson.evidence.binding.ra_tls import LEGACY_OID, SDK_OID, TAG
from caisson.evidence.binding.tagged import OID, read_item, tag_of
from tests.unit.evidence.conftest import DEBUG, SERVER, Scene

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RATLS")])
KEY = generate_private_key(SECP384R1())
SPKI = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
HASH = sha256(SPKI).digest()


def claims(key_hash=HASH, algorithm=1, **others):
    return cbor2.dumps({"pubkey-hash": cbor2.dumps([algorithm, key_hash]), **others})


def padded(digest):
    return digest.ljust(64, b"\0")


@pytest.fixture(scope="module")
def quoted(platform):
    """Quote report data in the one enclave of the platform; give the quote."""
    return lambda report_data, **enclave: Scene.of(platform, report_data=report_data, **enclave).quote


@pytest.fixture(scope="module")
def tagged(quoted):
    """Give the extension with claims, vouched for by a genuine quote unless `quote` is another."""

    def tagged(raw=None, *, quote=None, **enclave):
        raw = claims() if raw is None else raw
        quote = quoted(padded(sha256(raw).digest()), **enclave) if quote is None else quote
        return OID, cbor2.dumps(cbor2.CBORTag(TAG, [quote, raw]))

    return tagged


@pytest.fixture(scope="module")
def legacy(quoted):
    return lambda report_data=None, **enclave: (
        LEGACY_OID,
        quoted(padded(HASH) if report_data is None else report_data, **enclave),
    )


@pytest.fixture(scope="module")
def certify(scene):
    def certify(*extensions, begins=timedelta(0), ends=timedelta(hours=1)):
        builder = x509.CertificateBuilder(NAME, NAME, KEY.public_key(), 1, scene.at + begins, scene.at + ends)
        for oid, value in extensions:
            builder = builder.add_extension(
                x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False
            )
        return Certificate.of(builder.sign(KEY, SHA256()))

    return certify


@pytest.fixture(scope="module")
def verify(certify, scene, policy):
    collateral = Collateral.parse(scene.collateral)
    open_policy = replace(policy, key_servers=frozenset())

    def verify(*extensions, policy=open_policy, at=scene.at, **certificate):
        return verify_peer(certify(*extensions, **certificate), collateral, policy, at=at)

    return verify


# What is accepted.


def test_all_forms_are_read(verify, tagged, legacy, scene):
    sdk = (SDK_OID, cbor2.loads(tagged()[1]).value[0])
    for extensions in ([tagged()], [legacy()], [tagged(), legacy()], [legacy(), tagged()], [tagged(), sdk]):
        verified = verify(*extensions)
        assert isinstance(verified, VerifiedRaTls)
        assert verified.quote.report.mr_enclave == scene.verify().report.mr_enclave
        assert (verified.claims is None) == (extensions == [legacy()])


@pytest.mark.parametrize(("algorithm", "function"), [(1, sha256), (7, sha384), (8, sha512)])
def test_every_registered_hash_is_understood(verify, tagged, algorithm, function):
    verified = verify(tagged(claims(function(SPKI).digest(), algorithm)))
    assert verified.claims.algorithm == algorithm


def test_claims_of_the_programs_own_are_vouched_for_too(verify, tagged):
    raw = claims(nonce=b"fresh", colour=b"blue")
    assert verify(tagged(raw)).claims == Claims(raw=raw, algorithm=1, key_hash=HASH, nonce=b"fresh", others=("colour",))


def test_activation_evidence_is_told_apart(activation, scene, policy, domain_policy, tls_key):
    extension = evidence_extension(activation)
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, tls_key.public_key(), 1, scene.at, scene.at + timedelta(hours=1))
    certificate = Certificate.of(builder.add_extension(extension, critical=False).sign(tls_key, SHA256()))
    verified = verify_peer(certificate, Collateral.parse(scene.collateral), policy, at=scene.at)
    assert isinstance(verified, VerifiedActivation)
    assert quote_of(certificate) == activation.quote
    with pytest.raises(UsageError, match="for trust domains"):
        verify_peer(certificate, Collateral.parse(scene.collateral), domain_policy, at=scene.at)


def test_the_quote_is_found_for_its_collateral(certify, tagged, legacy):
    quote = cbor2.loads(tagged()[1]).value[0]
    assert quote_of(certify(tagged())) == quote
    assert quote_of(certify(legacy())) == legacy()[1]


# The key that is not the one attested.


def test_claims_about_another_key_are_refused(verify, tagged):
    """A relay: somebody else's genuine evidence in a certificate for one's own key."""
    with pytest.raises(BindingRejected, match="another key"):
        verify(tagged(claims(sha256(b"another key").digest())))


def test_claims_without_a_key_are_refused(verify, tagged):
    """Gramine's own verifier lets these pass."""
    with pytest.raises(Malformed, match="lack `pubkey-hash`"):
        verify(tagged(cbor2.dumps({"nonce": b"fresh"})))


@pytest.mark.parametrize("at", [0, 31, 32, 63])
@pytest.mark.parametrize("form", ["tagged", "legacy"])
def test_every_byte_of_the_report_data_counts(verify, tagged, legacy, quoted, form, at):
    """Verifiers that compare the first 32 bytes leave the other 32 to the attacker."""
    right = padded(sha256(claims()).digest() if form == "tagged" else HASH)
    wrong = bytearray(right)
    wrong[at] ^= 1
    with pytest.raises(BindingRejected, match="about another key"):
        verify(tagged(quote=quoted(bytes(wrong))) if form == "tagged" else legacy(bytes(wrong)))


def test_claims_that_the_quote_does_not_know_are_refused(verify, tagged, quoted):
    with pytest.raises(BindingRejected):
        verify(tagged(claims(nonce=b"mine"), quote=quoted(padded(sha256(claims()).digest()))))


def test_an_old_binding_is_no_new_one_and_the_reverse(verify, tagged, legacy, quoted):
    with pytest.raises(BindingRejected):
        verify(tagged(quote=quoted(padded(HASH))))
    with pytest.raises(BindingRejected):
        verify(legacy(padded(sha256(claims()).digest())))


# Extensions that disagree.


def test_two_enclaves_in_one_certificate_are_refused(verify, tagged, legacy, policy):
    lax = replace(policy, key_servers=frozenset(), allow_debug=True)
    with pytest.raises(BindingRejected, match="two enclaves"):
        verify(tagged(), legacy(attributes=DEBUG), policy=lax)
    with pytest.raises(BindingRejected, match="two enclaves"):
        verify(tagged(attributes=DEBUG), legacy(), policy=lax)


def test_a_second_quote_about_another_key_is_refused(verify, tagged, legacy, quoted):
    with pytest.raises(BindingRejected, match=LEGACY_OID.replace(".", r"\.")):
        verify(tagged(), legacy(padded(sha256(b"another key").digest())))
    with pytest.raises(BindingRejected, match=SDK_OID.replace(".", r"\.")):
        verify(tagged(), (SDK_OID, quoted(padded(HASH))))


def test_a_second_quote_that_is_forged_is_refused(verify, tagged, legacy):
    forged = bytearray(legacy()[1])
    forged[436] ^= 1
    with pytest.raises(QuoteSignatureRejected):
        verify(tagged(), (LEGACY_OID, bytes(forged)))


def test_evidence_of_two_kinds_is_refused(verify, legacy, activation):
    with pytest.raises(BindingRejected, match="two kinds"):
        verify((OID, evidence_extension(activation).value), legacy())


def test_a_quote_of_another_platform_is_refused(verify, tagged, make_scene):
    foreign = Scene.of(make_scene().platform, report_data=padded(sha256(claims()).digest())).quote
    with pytest.raises(UntrustedRoot):
        verify(tagged(quote=foreign))


# The clock and the policy.


def test_a_certificate_counts_in_its_time_only(verify, tagged):
    with pytest.raises(Expired):
        verify(tagged(), begins=timedelta(hours=-2), ends=timedelta(hours=-1))
    with pytest.raises(NotYetValid):
        verify(tagged(), begins=timedelta(minutes=1))


def test_the_policy_decides_with_every_mismatch(verify, tagged, policy):
    with pytest.raises(PolicyRejected) as caught:
        verify(tagged(attributes=DEBUG), policy=replace(policy, enclaves=(), key_servers=frozenset({SERVER})))
    assert len(caught.value.reasons) == 3
    assert "names no key server" in caught.value.reasons[-1]


# Bytes that are not what they claim to be.


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xa0",
        b"\x80",
        b"\x40",
        cbor2.dumps({"pubkey-hash": [1, HASH]}),
        cbor2.dumps({"pubkey-hash": HASH}),
        cbor2.dumps({"pubkey-hash": cbor2.dumps([1, HASH, b""])}),
        cbor2.dumps({"pubkey-hash": cbor2.dumps(1)}),
        cbor2.dumps({"pubkey-hash": cbor2.dumps({1: b"", HASH: b""})}),
        cbor2.dumps({"pubkey-hash": cbor2.dumps([True, HASH])}),
        cbor2.dumps({"pubkey-hash": cbor2.dumps([2, HASH])}),
        cbor2.dumps({"pubkey-hash": cbor2.dumps([1, HASH[:31]])}),
        cbor2.dumps({"pubkey-hash": cbor2.dumps([8, HASH])}),
        cbor2.dumps({"pubkey-hash": cbor2.dumps(["sha-256", HASH])}),
        cbor2.dumps({"pubkey-hash": cbor2.dumps([1, HASH.hex()])}),
        cbor2.dumps({b"pubkey-hash": cbor2.dumps([1, HASH])}),
        claims(nonce="text"),
        claims(nonce=7),
        claims(more={"deep": b""}),
        claims() + b"\0",
        claims()[:-1],
        b"\xa2" + claims()[1:] * 2,
        b"\xbf" + claims()[1:] + b"\xff",
        b"\xb8\x01" + claims()[1:],
        b"\xbb" + b"\xff" * 8,
        b"\xa1" * 9999,
        b"\x81" * 9999 + b"\x80",
    ],
    ids=range(27),
)
def test_claims_have_one_form(verify, tagged, raw):
    with pytest.raises(Malformed):
        verify(tagged(raw))


@pytest.mark.parametrize(
    "change",
    [
        lambda good: good[:-1],
        lambda good: good + b"\0",
        lambda good: good[:3] + b"\x83" + good[4:] + b"\x40",
        lambda good: good[:3] + b"\x81" + good[4:],
        lambda good: good[:3] + b"\x9f" + good[4:] + b"\xff",
        lambda good: b"\xda\0\0" + good[1:],
        lambda good: good[:3] + b"\x82\x60\x40",
        lambda good: good[:3] + b"\1",
        lambda good: good[:3] + b"\xa2\x40\x40\x41a\x40",
        lambda good: good[:3] + b"\x82\x5b" + b"\xff" * 8,
        lambda good: good[:3] + b"\x9b" + b"\xff" * 8,
        lambda good: b"\xd9\xea\x61" + good[3:],
        lambda good: good[:2],
        lambda good: good[:0],
    ],
    ids=range(14),
)
def test_tagged_evidence_has_one_form(verify, tagged, change):
    oid, good = tagged()
    with pytest.raises(Malformed):
        verify((oid, change(good)))


def test_a_certificate_full_of_extensions_is_refused_or_read_at_once(certify, tagged):
    """No bomb: whatever is not evidence is not looked at, and there is a size that no certificate may exceed."""
    small = [(f"1.3.6.1.4.1.99999.{number}", b"\5\0") for number in range(500)]
    assert quote_of(certify(*small, tagged()))
    with pytest.raises(Malformed, match="more than 65536"):
        certify(tagged(), ("1.3.6.1.4.1.99999.1", bytes(1 << 16)))


def test_the_same_extension_twice_is_refused(certify, tagged):
    neighbour = OID[:-1] + "8"
    certificate = x509.CertificateBuilder(NAME, NAME, KEY.public_key(), 1, *(certify().validity.begins,) * 2)
    for oid in (OID, neighbour):
        value = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), tagged()[1])
        certificate = certificate.add_extension(value, critical=False)
    der = certificate.sign(KEY, SHA256()).public_bytes(Encoding.DER)
    with pytest.raises(Malformed, match="an extension twice"):
        Certificate.parse(der.replace(b"\x67\x81\x05\x05\x04\x08", b"\x67\x81\x05\x05\x04\x09"))


def test_a_certificate_without_evidence_says_nothing(verify, certify, scene, policy):
    with pytest.raises(Malformed, match="carries no evidence"):
        verify()
    with pytest.raises(Malformed, match="carries no RA-TLS evidence"):
        verify_ra_tls(certify(), Collateral.parse(scene.collateral), policy, at=scene.at)
    # The number means something else in a PCK certificate, and alone it is no evidence.
    with pytest.raises(Malformed, match="carries no evidence"):
        verify((SDK_OID, b"\5\0"))


@given(value=st.binary(max_size=200), legacy=st.booleans())
def test_no_evidence_is_read_by_accident(verify, value, legacy):
    with pytest.raises(CaissonError):
        verify((LEGACY_OID if legacy else OID, value))


@given(at=st.integers(min_value=0), value=st.integers(0, 255))
def test_no_changed_byte_is_accepted(verify, tagged, at, value):
    oid, good = tagged()
    changed = bytearray(good)
    changed[at % len(good)] = value
    if bytes(changed) == good:
        verify((oid, good))
    else:
        with pytest.raises(CaissonError):
            verify((oid, bytes(changed)))


ITEMS = st.recursive(
    st.integers() | st.binary(max_size=8) | st.text(max_size=8) | st.booleans() | st.none() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
        | st.builds(cbor2.CBORTag, st.integers(0, 2**64 - 1), inner)
    ),
    max_leaves=6,
)


@given(item=ITEMS)
def test_any_cbor_item_is_read_in_its_one_spelling_or_refused(item):
    raw = cbor2.dumps(item)
    try:
        read = read_item(raw, what="item")
    except Malformed:
        return
    assert cbor2.dumps(read) == raw


@given(raw=st.binary(max_size=64))
def test_claims_are_read_or_refused(raw):
    with pytest.raises(Malformed):
        Claims.parse(raw)


@given(tag=st.integers(0, 2**64 - 1))
def test_a_tag_is_seen_without_reading_what_follows(tag):
    raw = cbor2.dumps(cbor2.CBORTag(tag, b""))
    assert tag_of(raw) == (tag if raw[0] >= 0xD8 else None)
    assert tag_of(raw[: len(raw) - 2]) in (None, tag)


def test_what_a_certificate_carries_can_be_looked_at(certify, tagged, legacy):
    evidence = RaTlsEvidence.of(certify(tagged(), legacy()))
    assert [bound.where for bound in evidence.quotes] == [OID, LEGACY_OID]
