"""Statements: others' libraries understand them, and each attack on what is attached changes one thing."""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from caisson.errors import Malformed, ProvenanceRejected, SignatureRejected
from caisson.oci import Digest
from caisson.protocol import ServerKeyHash, canonical, envelope
from caisson.provenance import ProvenanceKey, Statement, verify_provenance
from caisson.sgx import MrEnclave, MrSigner


def verify(published, attached, *keys):
    publishers = tuple(key.publisher for key in keys or (published.key,))
    return verify_provenance(attached, published.image, published.verified, publishers)


def test_a_statement_reads_as_it_was_written(published):
    assert Statement.parse(published.statement.encode()) == published.statement


def test_it_is_an_in_toto_statement_about_the_image(published):
    value = json.loads(published.statement.encode())
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["subject"] == [{"name": "image", "digest": {"sha256": published.image.digest.hex}}]
    enclave = value["predicate"]["enclave"]
    assert enclave["mrEnclave"] == str(published.verified.mr_enclave)
    assert enclave["mrSigner"] == str(published.verified.mr_signer)
    assert value["predicate"]["sbom"] == {"sha256": Digest.of(published.sbom).hex}
    assert value["predicate"]["materials"]["source"] == {"sha256": Digest.of(b"source").hex}


def test_another_implementation_of_dsse_verifies_the_envelope(published, other_key):
    signed = json.loads(published.statement.sign(published.key))
    found = Envelope.from_dict(signed)
    assert found.payload_type == "application/vnd.in-toto+json"
    for key, good in ((published.key, True), (other_key, False)):
        public = SSlibKey(
            str(published.key.publisher.id), "ecdsa", "ecdsa-sha2-nistp256", {"public": key.publisher.pem.decode()}
        )
        if good:
            assert found.verify([public], 1)
        else:
            with pytest.raises(Exception, match="Accepted signatures do not match threshold"):
                found.verify([public], 1)


def test_the_same_statement_and_key_give_the_same_envelope(published):
    assert published.statement.sign(published.key) == published.statement.sign(published.key)


def test_what_a_publisher_stands_for_is_given_back(published):
    found = verify(published, published.attached())
    assert found.statement == published.statement
    assert found.sbom == published.sbom
    assert {str(kind) for kind in found.kinds} == {"statement", "sbom", "sigstruct", "cosign"}


def test_one_of_several_publishers_is_enough(published, other_key):
    assert verify(published, published.attached(), other_key, published.key).publisher.id == published.key.publisher.id


def test_what_others_attached_counts_for_nothing(published, other_key):
    whole = published.attached()
    noise = (b"", b"{}", published.statement.sign(other_key))
    found = verify(
        published, replace(whole, envelopes=(*noise, *whole.envelopes), sboms=(b"theirs", *whole.sboms), sigstructs=())
    )
    assert found.statement == published.statement
    assert "sigstruct" not in found.kinds


def test_a_genuine_statement_about_another_image_beside_it_counts_for_nothing(published, pinned):
    """Replayed by somebody who may attach: it neither stands in for the image's own, nor hides it."""
    replayed = pinned.attached()
    for envelopes in (
        (*replayed.envelopes, *published.attached().envelopes),
        (*published.attached().envelopes, *replayed.envelopes),
    ):
        found = verify(published, published.attached(envelopes=envelopes, sboms=(*replayed.sboms, published.sbom)))
        assert found.statement == published.statement


def test_of_several_statements_one_that_tells_of_its_materials_counts(published):
    silent = replace(published.statement, source=None, recipe=None).sign(published.key)
    telling = published.statement.sign(published.key)
    for envelopes in ((silent, telling), (telling, silent)):
        assert verify(published, published.attached(envelopes=envelopes)).statement == published.statement
    assert verify(published, published.attached(envelopes=(silent,))).statement.source is None


def test_nothing_attached_is_refused(published):
    with pytest.raises(ProvenanceRejected, match="no statement is attached"):
        verify(published, published.attached(envelopes=()))


def test_a_signature_by_another_key_is_refused(published, other_key):
    with pytest.raises(SignatureRejected):
        verify(published, published.attached(envelopes=(published.statement.sign(other_key),)))


def test_a_signature_by_another_key_under_the_publishers_name_is_refused(published, other_key):
    forged = json.loads(published.statement.sign(other_key))
    forged["signatures"][0]["keyid"] = str(published.key.publisher.id)
    with pytest.raises(SignatureRejected, match="not signed by the publisher"):
        verify(published, published.attached(envelopes=(canonical.encode(forged),)))


def test_a_changed_statement_is_refused(published):
    signed = json.loads(published.statement.sign(published.key))
    payload = base64.b64decode(signed["payload"]).replace(b'"isvSvn":3', b'"isvSvn":9')
    signed["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(SignatureRejected, match="not signed by the publisher"):
        verify(published, published.attached(envelopes=(canonical.encode(signed),)))


def test_the_statement_of_another_image_is_refused(published, pinned):
    """Both are the publisher's own: moving what is attached from one image to the other is the attack."""
    with pytest.raises(ProvenanceRejected) as caught:
        verify(published, pinned.attached())
    named = [reason.split("'s ")[1].split(" is ")[0] for reason in caught.value.reasons]
    assert named == ["image", "image ID", "MRENCLAVE", "key server pin", "SIGSTRUCT"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"image": Digest.of(b"x")}, "image"),
        ({"image_id": Digest.of(b"x")}, "image ID"),
        ({"mr_enclave": MrEnclave(bytes(32))}, "MRENCLAVE"),
        ({"mr_signer": MrSigner(bytes(32))}, "MRSIGNER"),
        ({"isv_prod_id": 8}, "product"),
        ({"isv_svn": 9}, "security version"),
        ({"debug": True}, "debug flag"),
        ({"runtime": "gramine"}, "runtime"),
        ({"key_server_pin": ServerKeyHash(bytes(32))}, "key server pin"),
        ({"sigstruct": Digest.of(b"x")}, "SIGSTRUCT"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_signed_statement_that_differs_from_the_image_is_refused(published, change, name):
    signed = replace(published.statement, **change).sign(published.key)
    with pytest.raises(ProvenanceRejected) as caught:
        verify(published, published.attached(envelopes=(signed,)))
    (reason,) = caught.value.reasons
    assert reason.startswith(f"the statement's {name} is ")


@pytest.mark.parametrize("sboms", [(), (b"{}",)], ids=["removed", "swapped"])
def test_a_bill_of_materials_that_was_swapped_is_refused(published, sboms):
    with pytest.raises(ProvenanceRejected, match="bill of materials that the statement names"):
        verify(published, published.attached(sboms=sboms))


def test_an_envelope_of_another_type_is_refused(published):
    key = published.key
    signed = envelope.wrap(
        published.statement.encode(),
        payload_type="application/vnd.caisson.challenge.v1+json",
        key_id=str(key.publisher.id),
        sign=key.sign,
    )
    with pytest.raises(SignatureRejected, match="envelope holds"):
        Statement.open(canonical.encode(signed), key.publisher)


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(_type="x"),
        lambda value: value.update(predicateType="x"),
        lambda value: value.update(subject=[]),
        lambda value: value.update(subject=value["subject"] * 2),
        lambda value: value["subject"][0].update(digest={"sha512": "x"}),
        lambda value: value["subject"][0].update(uri="x"),
        lambda value: value.update(more=1),
        lambda value: value["predicate"].update(more=1),
        lambda value: value["predicate"]["enclave"].pop("isvSvn"),
        lambda value: value["predicate"]["enclave"].update(isvSvn="3"),
        lambda value: value["predicate"]["materials"].update(more={"sha256": "ab" * 32}),
        lambda value: value["predicate"]["builder"].update(name="x"),
    ],
)
def test_what_is_no_statement_of_ours_is_refused(published, change):
    value = json.loads(published.statement.encode())
    change(value)
    with pytest.raises(Malformed):
        Statement.parse(canonical.encode(value))


def test_other_spellings_of_a_statement_are_refused(published):
    with pytest.raises(Malformed):
        Statement.parse(json.dumps(json.loads(published.statement.encode())).encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_an_envelope_or_refused(raw):
    with pytest.raises((Malformed, SignatureRejected)):
        Statement.open(raw, KEY.publisher)


KEY = ProvenanceKey.generate()
