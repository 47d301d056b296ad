"""cosign's signatures: the format of its specification, and attacks on it."""

import base64
import json
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed, SignatureRejected
from caisson.oci import Descriptor, Digest, ImageManifest
from caisson.provenance import ProvenanceKey, cosign, verify_provenance

IMAGE = Digest.of(b"an image")


@pytest.fixture
def payload():
    return cosign.encode_payload(IMAGE, reference="example.org/app")


@pytest.fixture
def layer(payload, publisher_key):
    return cosign.sign_payload(payload, publisher_key)


def test_the_tag_is_made_of_the_digest():
    assert cosign.tag_of(IMAGE) == f"sha256-{IMAGE.hex}.sig"


def test_openssl_verifies_what_a_reader_of_the_specification_finds(payload, layer, publisher_key, tmp_path):
    """Nothing of ours verifies here: names are the specification's, the signature is checked by OpenSSL."""
    config = cosign.signature_config((layer,))
    manifest = json.loads(cosign.signature_manifest((layer,), config).encode())
    (found,) = manifest["layers"]
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert found["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"
    claim = json.loads(payload)["critical"]
    assert claim["type"] == "cosign container image signature"
    assert claim["image"] == {"docker-manifest-digest": str(IMAGE)}
    assert claim["identity"] == {"docker-reference": "example.org/app"}
    signature = base64.b64decode(found["annotations"]["dev.cosignproject.cosign/signature"])
    for name, content in (("payload", payload), ("signature", signature), ("key.pub", publisher_key.publisher.pem)):
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pub", "-signature", "signature", "payload"]
    assert subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout == b"Verified OK\n"


def test_a_good_signature_is_accepted(payload, layer, publisher_key):
    cosign.verify_payload(layer, payload, publisher_key.publisher, image=IMAGE)
    assert cosign.is_signed(((layer, payload),), publisher_key.publisher, image=IMAGE)


def test_a_signature_by_another_key_is_refused(payload, layer, other_key):
    with pytest.raises(SignatureRejected):
        cosign.verify_payload(layer, payload, other_key.publisher, image=IMAGE)


def test_the_signature_of_another_image_is_refused(payload, layer, publisher_key):
    """The tag was moved: what lies at the place of this image's signature is genuine, and of another image."""
    with pytest.raises(SignatureRejected, match="of another image"):
        cosign.verify_payload(layer, payload, publisher_key.publisher, image=Digest.of(b"another"))


def test_a_changed_payload_is_refused(payload, layer, publisher_key):
    other = payload.replace(b"example.org", b"example.com")
    with pytest.raises(Malformed, match="not of this payload"):
        cosign.verify_payload(layer, other, publisher_key.publisher, image=IMAGE)
    with pytest.raises(SignatureRejected):
        cosign.verify_payload(replace(layer, digest=Digest.of(other)), other, publisher_key.publisher, image=IMAGE)


@pytest.mark.parametrize("annotations", [{}, {cosign.ANNOTATION: "%"}, {cosign.ANNOTATION: "AAAA"}])
def test_what_is_no_signature_is_refused(payload, layer, publisher_key, annotations):
    with pytest.raises((Malformed, SignatureRejected)):
        cosign.verify_payload(replace(layer, annotations=annotations), payload, publisher_key.publisher, image=IMAGE)


def test_a_claim_of_another_type_is_refused(payload, publisher_key):
    other = payload.replace(b"cosign container image signature", b"atomic container signature")
    with pytest.raises(Malformed, match="another type"):
        cosign.verify_payload(cosign.sign_payload(other, publisher_key), other, publisher_key.publisher, image=IMAGE)


@given(st.binary(max_size=200))
def test_any_payload_is_a_claim_or_refused(raw):
    layer = cosign.sign_payload(raw, KEY)
    with pytest.raises((Malformed, SignatureRejected)):
        cosign.verify_payload(layer, raw, KEY.publisher, image=IMAGE)


def test_of_several_signatures_one_by_the_publisher_is_enough(published, other_key):
    theirs = (cosign.sign_payload(published.payload, other_key), published.payload)
    ours = published.attached().cosign[0]
    for signatures, signed in (((theirs, ours), True), ((theirs,), False), ((), False)):
        found = verify_provenance(
            published.attached(cosign=signatures), published.image, published.verified, (published.key.publisher,)
        )
        assert found.is_cosigned is signed


def test_the_manifest_reads_as_it_was_written(layer):
    manifest = cosign.signature_manifest((layer,), cosign.signature_config((layer,)))
    assert ImageManifest.parse(manifest.encode()) == manifest
    assert isinstance(layer, Descriptor)


KEY = ProvenanceKey.generate()
