"""Activation evidence and certificates: what the quote vouches for is this, by this server, with this key."""

from dataclasses import replace
from datetime import timedelta

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import (
    BindingRejected,
    Expired,
    Malformed,
    NotYetValid,
    PolicyRejected,
    QuoteSignatureRejected,
    UntrustedRoot,
)
from caisson.evidence import (
    Certificate,
    Collateral,
    evidence_extension,
    evidence_of,
    verify_activation,
    verify_certificate,
)
from caisson.evidence.binding.extension import OID, TAG
from caisson.protocol import ActivationEvidence, Nonce, RuntimeData, ServerKeyHash

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])


@pytest.fixture(scope="module")
def collateral(scene):
    return Collateral.parse(scene.collateral)


@pytest.fixture(scope="module")
def certify(scene, tls_key):
    def certify(*extensions, key=tls_key):
        builder = x509.CertificateBuilder(NAME, NAME, key.public_key(), 1, scene.at, scene.at + timedelta(hours=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(key, SHA256())

    return certify


def test_good_evidence_is_accepted(activation, collateral, policy, scene, runtime_data):
    verified = verify_activation(activation, collateral, policy, at=scene.at)
    assert verified.runtime_data == runtime_data
    assert verified.quote.report.report_data == runtime_data.report_data


def test_runtime_data_must_be_those_that_the_quote_vouches_for(activation, collateral, policy, scene, runtime_data):
    """The man in the middle has a genuine quote and puts his own key beside it."""
    own = RuntimeData.build(
        nonce=runtime_data.nonce,
        workload=runtime_data.workload,
        hpke_public_key=b"M" * 1216,
        tls_public_key=runtime_data.tls_public_key,
        server_key_hash=runtime_data.server_key_hash,
    )
    with pytest.raises(BindingRejected):
        verify_activation(replace(activation, runtime_data=own.raw), collateral, policy, at=scene.at)


def test_runtime_data_are_read_only_if_the_quote_vouches_for_them(activation, collateral, policy, scene):
    with pytest.raises(BindingRejected):
        verify_activation(replace(activation, runtime_data=b"not even JSON"), collateral, policy, at=scene.at)


def test_a_quote_about_no_runtime_data_is_refused(activation, collateral, policy, scene):
    with pytest.raises(BindingRejected):
        verify_activation(replace(activation, quote=scene.quote), collateral, policy, at=scene.at)


def test_a_forged_quote_is_refused(activation, collateral, policy, scene):
    forged = bytearray(activation.quote)
    forged[400] ^= 1
    with pytest.raises(QuoteSignatureRejected):
        verify_activation(replace(activation, quote=bytes(forged)), collateral, policy, at=scene.at)


def test_the_policy_says_which_roots_count(activation, collateral, policy, scene):
    with pytest.raises(UntrustedRoot):
        verify_activation(activation, collateral, replace(policy, roots=frozenset()), at=scene.at)


def test_provisioning_by_another_server_is_refused(activation, collateral, policy, scene):
    for servers in (frozenset(), frozenset({ServerKeyHash(b"O" * 32)})):
        with pytest.raises(PolicyRejected, match="key server is 5353"):
            verify_activation(activation, collateral, replace(policy, key_servers=servers), at=scene.at)


def test_all_mismatches_are_told_at_once(activation, collateral, policy, scene):
    strict = replace(policy, key_servers=frozenset(), enclaves=(), tcb_statuses=frozenset())
    with pytest.raises(PolicyRejected) as caught:
        verify_activation(activation, collateral, strict, at=scene.at)
    assert len(caught.value.reasons) == 3


# Certificates.


def test_a_certificate_carries_its_evidence(activation, certify, collateral, policy, scene):
    certificate = certify(evidence_extension(activation))
    assert evidence_of(Certificate.of(certificate)) == activation
    verified = verify_certificate(Certificate.of(certificate), collateral, policy, at=scene.at)
    assert verified.runtime_data.raw == activation.runtime_data


def test_a_certificate_counts_in_its_own_time_only(activation, certify, collateral, policy, scene):
    """The evidence in it holds on: for as long as the collateral does."""
    certificate = Certificate.of(certify(evidence_extension(activation)))
    verify_certificate(certificate, collateral, policy, at=scene.at + timedelta(hours=1))
    late = scene.at + timedelta(hours=1, seconds=1)
    verify_activation(activation, collateral, policy, at=late)
    with pytest.raises(Expired, match="certificate `redis` was valid until") as caught:
        verify_certificate(certificate, collateral, policy, at=late)
    assert "start the container again" in caught.value.hint
    with pytest.raises(NotYetValid, match="certificate `redis` is valid from"):
        verify_certificate(certificate, collateral, policy, at=scene.at - timedelta(seconds=1))


def test_the_extension_is_tagged_cbor(activation):
    extension = evidence_extension(activation)
    assert extension.oid.dotted_string == "2.23.133.5.4.9"
    assert TAG == 1128352083 == int.from_bytes(b"CAIS", "big")
    assert extension.value[:6] == b"\xdaCAIS\x82"
    decoded = cbor2.loads(extension.value)
    assert (decoded.tag, list(decoded.value)) == (TAG, [activation.quote, activation.runtime_data])


def test_evidence_about_another_key_is_refused(activation, certify, collateral, policy, scene):
    """The evidence was copied out of a genuine certificate into one for the thief's own key."""
    stolen = certify(evidence_extension(activation), key=generate_private_key(SECP256R1()))
    with pytest.raises(BindingRejected, match="another key"):
        verify_certificate(Certificate.of(stolen), collateral, policy, at=scene.at)


def test_a_key_that_cannot_be_read_is_not_the_attested_one(activation, certify, collateral, policy, scene):
    der = certify(evidence_extension(activation)).public_bytes(Encoding.DER)
    curve, other = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030155")
    head, found, tail = der.rpartition(curve)
    assert found
    with pytest.raises(BindingRejected):
        verify_certificate(
            Certificate.of(x509.load_der_x509_certificate(head + other + tail)), collateral, policy, at=scene.at
        )


def test_a_certificate_without_evidence_says_nothing(certify):
    with pytest.raises(Malformed, match="carries no evidence"):
        evidence_of(Certificate.of(certify()))


def test_two_pieces_of_evidence_say_nothing(activation, certify):
    """Readers that take the first and readers that take the last would see different things."""
    neighbour = x509.ObjectIdentifier("2.23.133.5.4.8")
    extensions = (evidence_extension(activation), x509.UnrecognizedExtension(neighbour, b"\5\0"))
    der = certify(*extensions).public_bytes(Encoding.DER)
    twice = x509.load_der_x509_certificate(der.replace(b"\x67\x81\x05\x05\x04\x08", b"\x67\x81\x05\x05\x04\x09"))
    with pytest.raises(Malformed, match="an extension twice"):
        evidence_of(Certificate.of(twice))


def with_value(certify, value):
    return certify(x509.UnrecognizedExtension(OID, value))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda good: b"", id="empty"),  # noqa: ARG005 - the change is to have nothing
        pytest.param(lambda good: good + b"\0", id="trailing byte"),
        pytest.param(lambda good: good[:-1], id="cut short"),
        pytest.param(lambda good: good[5:], id="without a tag"),
        pytest.param(lambda good: b"\xd9\xea\x60" + good[5:], id="Gramine's tag"),
        pytest.param(lambda good: b"\xdb\0\0\0\0" + good[1:], id="a longer spelling of the tag"),
        pytest.param(lambda good: good[:5] + b"\x9f" + good[6:] + b"\xff", id="indefinite length"),
        pytest.param(lambda good: good[:5] + b"\x83" + good[6:] + b"\x40", id="three parts"),
        pytest.param(lambda good: good[:5] + b"\x81" + good[6:], id="one part"),
        pytest.param(lambda good: good[:5] + b"\x82\x60\x40", id="text for a quote"),
        pytest.param(lambda good: good[:5] + b"\x81" * 9999, id="a well"),
        pytest.param(lambda good: good[:6] + b"\x5b" + b"\xff" * 8, id="a bomb"),
        pytest.param(lambda good: good + bytes(1 << 17), id="too large"),
    ],
)
def test_evidence_has_one_spelling(activation, certify, change):
    good = evidence_extension(activation).value
    with pytest.raises(Malformed):
        evidence_of(Certificate.of(with_value(certify, change(good))))


@given(value=st.binary(max_size=64))
def test_no_extension_is_read_by_accident(certify, value):
    with pytest.raises(Malformed):
        evidence_of(Certificate.of(with_value(certify, value)))


@given(quote=st.binary(max_size=300), runtime_data=st.binary(max_size=300))
def test_what_is_written_is_read_again(certify, quote, runtime_data):
    evidence = ActivationEvidence(quote=quote, runtime_data=runtime_data)
    assert evidence_of(Certificate.of(certify(evidence_extension(evidence)))) == evidence


def test_a_nonce_is_part_of_what_is_vouched_for(runtime_data):
    other = RuntimeData.build(
        nonce=Nonce(b"O" * 32),
        workload=runtime_data.workload,
        hpke_public_key=runtime_data.hpke_public_key,
        tls_public_key=runtime_data.tls_public_key,
        server_key_hash=runtime_data.server_key_hash,
    )
    assert other.report_data != runtime_data.report_data
