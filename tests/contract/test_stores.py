"""Every store of documents and blobs keeps the same promises, and so does what is attached to images in it."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from caisson.errors import ImageRejected, UsageError
from caisson.oci import (
    Access,
    Artifact,
    ArtifactBlob,
    Descriptor,
    Digest,
    FileLayer,
    Image,
    ImageConfig,
    ImageIndex,
    MediaType,
    Reference,
    append,
    attach,
    attached,
    open_reader,
    open_store,
    sink,
    source,
    tar,
)
from tests.registry import HOST, IMPATIENT, MemoryRegistry

SBOM = "application/vnd.cyclonedx+json"
NOTE = Artifact(
    artifact_type="application/vnd.example.note",
    blobs=(ArtifactBlob(media_type="text/plain", content=b"hello", annotations={"title": "note"}),),
    annotations={"by": "nobody"},
)
BILL = Artifact(
    artifact_type=SBOM,
    blobs=(ArtifactBlob(media_type=SBOM, content=b"{}"), ArtifactBlob(media_type=SBOM, content=b"[]")),
)


@dataclass
class Shelf:
    reference: Reference
    access: Access
    scratch: Path

    def open(self):
        return open_store(self.reference, self.access, scratch=self.scratch)

    def reader(self):
        return open_reader(self.reference, self.access, scratch=self.scratch)

    def attach(self, artifact, subject):
        with self.open() as (store, _):
            return attach(store, artifact, subject=subject)

    def attached(self, subject, **options):
        with self.reader() as (store, _):
            return attached(store, subject, scratch=self.scratch, **options)


@pytest.fixture(params=["registry", "registry without referrers", "layout", "layout without tag"])
def shelf(request, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    tag = "" if request.param.endswith("without tag") else ":v1"
    text = f"oci:{tmp_path}/layout{tag}" if request.param.startswith("layout") else f"docker://{HOST}/some/app:v1"
    transport = MemoryRegistry(referrers=request.param == "registry")
    return Shelf(Reference.parse(text), Access(transport=transport, retry=IMPATIENT), scratch)


@pytest.fixture
def image(shelf):
    entry = tar.Entry(path="file", kind=tar.Kind.FILE, size=4)
    layer = FileLayer.pack([tar.member(entry), b"abcd", tar.padding(4), tar.end()], scratch=shelf.scratch)
    image = append(Image.build(ImageConfig(), ()), layer, created_by="test")
    sink(shelf.reference, shelf.access).write(image)
    return image


def test_an_image_is_found_by_its_name_and_by_its_digest(shelf, image):
    with shelf.reader() as (store, name):
        for reference in (name, str(image.digest)):
            descriptor, raw = store.find(reference)
            assert (descriptor.digest, descriptor.media_type) == (image.digest, MediaType.MANIFEST)
            assert raw == image.documents.manifest
        assert store.blob(image.layers[0].descriptor, shelf.scratch).read() == image.layers[0].blob.read()
        assert store.find("nothing") is None
        assert store.find(str(Digest.of(b"nothing"))) is None


def test_what_was_attached_is_found_by_its_type(shelf, image):
    shelf.attach(NOTE, image.digest)
    shelf.attach(BILL, image.digest)
    assert shelf.attached(image.digest, artifact_type=NOTE.artifact_type) == (NOTE,)
    assert shelf.attached(image.digest, artifact_type=SBOM) == (BILL,)
    assert sorted(each.artifact_type for each in shelf.attached(image.digest)) == sorted((NOTE.artifact_type, SBOM))
    assert shelf.attached(image.digest, artifact_type="other") == ()
    assert shelf.attached(Digest.of(b"other")) == ()


def test_many_artifacts_are_all_found(shelf, image):
    notes = [replace(NOTE, annotations={"number": str(number)}) for number in range(7)]
    for note in notes:
        shelf.attach(note, image.digest)
    assert sorted(each.annotations["number"] for each in shelf.attached(image.digest)) == list("0123456")


def test_an_artifact_with_no_files_is_one(shelf, image):
    empty = replace(NOTE, blobs=())
    shelf.attach(empty, image.digest)
    assert shelf.attached(image.digest) == (empty,)


def test_attaching_twice_changes_nothing(shelf, image):
    assert shelf.attach(NOTE, image.digest) == shelf.attach(NOTE, image.digest)
    assert shelf.attached(image.digest) == (NOTE,)


def test_an_image_is_still_the_one_after_something_was_attached(shelf, image):
    shelf.attach(NOTE, image.digest)
    assert source(shelf.reference, shelf.access).read(scratch=shelf.scratch).digest == image.digest
    sink(shelf.reference, shelf.access).write(image)  # it is there already: nothing is overwritten
    assert shelf.attached(image.digest) == (NOTE,)


def test_something_can_be_attached_to_what_is_attached(shelf, image):
    note = shelf.attach(NOTE, image.digest)
    shelf.attach(BILL, note.digest)
    assert shelf.attached(image.digest) == (NOTE,)
    assert shelf.attached(note.digest) == (BILL,)


def test_nothing_is_attached_to_what_is_not_there(shelf, image):
    with pytest.raises(UsageError, match="no image"):
        shelf.attach(NOTE, Digest.of(b"other"))
    assert shelf.attached(image.digest) == ()


def test_an_index_that_lists_another_images_artifact_is_not_believed(shelf, image):
    """Who may push a tag may list whatever they like; what counts is what the artifact itself refers to."""
    if shelf.reference.transport == "docker" and shelf.access.transport._has_referrers:
        return  # such a registry makes the list itself
    note = shelf.attach(NOTE, image.digest)
    other = Digest.of(b"other")
    with shelf.open() as (store, _):
        liar = ImageIndex(manifests=(replace(note, artifact_type=NOTE.artifact_type),))
        store.put_document(liar.encode(), MediaType.INDEX, name=f"sha256-{other.hex}")
        assert store.referrers(other)
    assert shelf.attached(other) == ()


def test_a_file_of_an_artifact_that_was_changed_is_refused(shelf, image):
    shelf.attach(NOTE, image.digest)
    digest = Digest.of(b"hello")
    if shelf.reference.transport == "docker":
        shelf.access.transport.blobs["some/app", str(digest)] = b"HELLO"
    else:
        (Path(shelf.reference.location) / "blobs" / "sha256" / digest.hex).write_bytes(b"HELLO")
    with pytest.raises(ImageRejected, match="digest"):
        shelf.attached(image.digest)


@pytest.mark.usefixtures("image")
def test_a_blob_that_is_not_as_promised_is_not_stored(shelf):
    wrong = Descriptor(media_type=MediaType.OCTETS, digest=Digest.of(b"promised"), size=8)
    with shelf.open() as (store, _), pytest.raises(ImageRejected):
        store.put_blob(wrong, lambda: iter((b"delivers",)))
    with shelf.reader() as (store, _), pytest.raises(ImageRejected):
        store.blob(wrong, shelf.scratch)


def test_an_index_of_images_for_several_platforms_gives_the_one_for_sgx(shelf, image):
    platform = {"os": "linux", "architecture": "amd64"}
    size = len(image.documents.manifest)
    own = Descriptor(media_type=MediaType.MANIFEST, digest=image.digest, size=size, platform=platform)
    other = replace(own, digest=Digest.of(b"for arm"), platform={**platform, "architecture": "arm64"})
    with shelf.open() as (store, name):
        index = ImageIndex(manifests=(other, own))
        store.put_document(index.encode(), MediaType.INDEX, name=name)
    assert source(shelf.reference, shelf.access).read(scratch=shelf.scratch).digest == image.digest
    with shelf.open() as (store, name):
        store.put_document(ImageIndex(manifests=(other,)).encode(), MediaType.INDEX, name=name)
    with pytest.raises(UsageError, match="linux/amd64"):
        source(shelf.reference, shelf.access).read(scratch=shelf.scratch)
