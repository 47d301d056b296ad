"""What a publisher attaches is found again in every store, and what others attached stays."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from caisson.enclave import SigningKey
from caisson.errors import ImageRejected
from caisson.oci import (
    Access,
    Artifact,
    ArtifactBlob,
    Reference,
    artifact,
    attach,
    attached,
    copy,
    open_reader,
    open_store,
    sink,
    source,
)
from caisson.provenance import ProvenanceKey, cosign, publish, read_attached, verify_provenance
from tests.registry import HOST, IMPATIENT, MemoryRegistry
from tests.unit.conversion.conftest import Workbench
from tests.unit.provenance.conftest import Published


@dataclass
class Shelf:
    """A store with one confidential image, and its publisher."""

    reference: Reference
    access: Access
    scratch: Path
    published: Published

    def publish(self, key=None):
        published = self.published
        with open_store(self.reference, self.access, scratch=self.scratch) as (store, _):
            return publish(
                store,
                published.image,
                published.verified,
                published.statement,
                sbom=published.sbom,
                key=key or published.key,
                reference="example.org/app",
            )

    def read(self):
        with open_reader(self.reference, self.access, scratch=self.scratch) as (reader, _):
            return read_attached(reader, self.published.image.digest, scratch=self.scratch)

    def verify(self, key=None):
        publisher = (key or self.published.key).publisher
        return verify_provenance(self.read(), self.published.image, self.published.verified, (publisher,))


@pytest.fixture(scope="module")
def keys():
    return SigningKey.generate(), ProvenanceKey.generate(), ProvenanceKey.generate()


@pytest.fixture(params=["registry", "registry without referrers", "layout", "layout without tag"])
def shelf(request, tmp_path, keys):
    (tmp_path / "scratch").mkdir()
    tag = "" if request.param.endswith("without tag") else ":v1"
    text = f"oci:{tmp_path}/layout{tag}" if request.param.startswith("layout") else f"docker://{HOST}/some/app:v1"
    transport = MemoryRegistry(referrers=request.param == "registry")
    access = Access(transport=transport, retry=IMPATIENT)
    image = Workbench(tmp_path / "scratch", keys[0]).convert().image
    sink(Reference.parse(text), access).write(image)
    return Shelf(Reference.parse(text), access, tmp_path / "scratch", Published(image, keys[1]))


def test_what_is_published_is_found_and_verified(shelf):
    shelf.publish()
    assert sorted(shelf.verify().kinds) == ["cosign", "sbom", "sigstruct", "statement"]


def test_the_image_is_still_found_as_it_was(shelf):
    shelf.publish()
    found = source(shelf.reference, shelf.access).read(scratch=shelf.scratch)
    assert found.digest == shelf.published.image.digest


def test_publishing_twice_attaches_once(shelf):
    assert shelf.publish() == shelf.publish()
    found = shelf.read()
    assert [len(each) for each in (found.envelopes, found.sboms, found.sigstructs, found.cosign)] == [1, 1, 1, 1]


def test_several_publishers_stand_side_by_side(shelf, keys):
    shelf.publish()
    shelf.publish(keys[2])
    assert shelf.verify().is_cosigned
    assert shelf.verify(keys[2]).is_cosigned
    assert len(shelf.read().cosign) == 2


def test_what_others_attached_stays_and_counts_for_nothing(shelf):
    kind = "application/vnd.in-toto+json"
    note = Artifact(artifact_type=kind, blobs=(ArtifactBlob(media_type="text/plain", content=b"trust me"),))
    with open_store(shelf.reference, shelf.access, scratch=shelf.scratch) as (store, _):
        attach(store, note, subject=shelf.published.image.digest)
    shelf.publish()
    assert shelf.verify().statement == shelf.published.statement
    with open_reader(shelf.reference, shelf.access, scratch=shelf.scratch) as (reader, _):
        assert len(attached(reader, shelf.published.image.digest, scratch=shelf.scratch)) == 4


def test_more_than_fits_into_memory_is_not_read(shelf, monkeypatch):
    subject = shelf.published.image.digest
    with open_store(shelf.reference, shelf.access, scratch=shelf.scratch) as (store, _):
        for number in range(3):
            blob = ArtifactBlob(media_type="text/plain", content=bytes([number]) * 400)
            attach(store, Artifact(artifact_type="text/x", blobs=(blob,)), subject=subject)
    with open_reader(shelf.reference, shelf.access, scratch=shelf.scratch) as (reader, _):
        monkeypatch.setattr(artifact, "MAX_ATTACHED", 1200)
        assert len(attached(reader, subject, scratch=shelf.scratch)) == 3
        monkeypatch.setattr(artifact, "MAX_ATTACHED", 1199)
        with pytest.raises(ImageRejected, match=f"what is attached to {subject} has more than 1199 bytes"):
            attached(reader, subject, scratch=shelf.scratch)


def test_cosign_finds_its_signature_by_the_digests_tag(shelf):
    """What `cosign verify --key` fetches: the manifest by its tag, then the payload by its digest."""
    shelf.publish()
    with open_reader(shelf.reference, shelf.access, scratch=shelf.scratch) as (reader, _):
        descriptor, _ = reader.find(f"sha256-{shelf.published.image.digest.hex}.sig")
    assert descriptor.media_type == "application/vnd.oci.image.manifest.v1+json"
    ((layer, payload),) = shelf.read().cosign
    assert payload == cosign.encode_payload(shelf.published.image.digest, reference="example.org/app")
    assert layer.media_type == "application/vnd.dev.cosign.simplesigning.v1+json"


def test_what_is_attached_goes_along_when_the_image_is_copied(shelf, tmp_path):
    """Cosign's signature, too, which has no subject; and a second copy changes nothing."""
    shelf.publish()
    copied = replace(shelf, reference=Reference.parse(f"oci:{tmp_path}/copied:v1"))
    for _ in range(2):
        copy(shelf.reference, copied.reference, shelf.access, scratch=shelf.scratch)
    assert sorted(copied.verify().kinds) == ["cosign", "sbom", "sigstruct", "statement"]
