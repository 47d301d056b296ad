"""Copies between all kinds of places keep what they can: bytes, platforms, what is attached."""

from dataclasses import replace

import httpx2
import pytest

from caisson.errors import ImageRejected, UsageError
from caisson.oci import (
    Access,
    Artifact,
    ArtifactBlob,
    Descriptor,
    FileLayer,
    Image,
    ImageConfig,
    ImageIndex,
    MediaType,
    Reference,
    append,
    attach,
    attached,
    copy,
    open_reader,
    open_store,
    sink,
    source,
    tar,
    validate,
)
from tests.registry import HOST, IMPATIENT, MemoryRegistry

NOTE = Artifact(artifact_type="x/note", blobs=(ArtifactBlob(media_type="text/plain", content=b"hello"),))
SIGNATURE = Artifact(artifact_type="x/signature", blobs=(ArtifactBlob(media_type="x/s", content=b"signed"),))
STORES = ["docker://{host}/a/b:v1", "docker://{host}/other:v2", "oci:{tmp}/layout:v1", "oci-archive:{tmp}/oci.tar:v1"]
OTHERS = ["docker-archive:{tmp}/docker.tar:app:v1"]


@pytest.fixture
def scratch(tmp_path):
    path = tmp_path / "scratch"
    path.mkdir()
    return path


@pytest.fixture
def registry():
    return MemoryRegistry()


@pytest.fixture
def access(registry):
    return Access(transport=registry, retry=IMPATIENT)


@pytest.fixture
def at(tmp_path):
    return lambda text: Reference.parse(text.format(host=HOST, tmp=tmp_path))


def made(name, scratch, architecture="amd64"):
    entry = tar.Entry(path=name, kind=tar.Kind.FILE, size=4)
    layer = FileLayer.pack([tar.member(entry), b"abcd", tar.padding(4), tar.end()], scratch=scratch)
    return append(Image.build(ImageConfig(architecture=architecture), ()), layer, created_by="test")


@pytest.fixture
def origin(at, access, scratch):
    """A layout with an image for two platforms, and things attached to both and to each other."""
    reference = at("oci:{tmp}/origin:v0")
    manifests = []
    for architecture in ("arm64", "amd64"):
        image = made(architecture, scratch, architecture)
        sink(at(f"oci:{{tmp}}/origin:{architecture}")).write(image)
        platform = {"os": "linux", "architecture": architecture}
        size = len(image.documents.manifest)
        manifests.append(Descriptor(media_type=MediaType.MANIFEST, digest=image.digest, size=size, platform=platform))
    with open_store(reference, access, scratch=scratch) as (store, name):
        index = ImageIndex(manifests=tuple(manifests))
        store.put_document(index.encode(), MediaType.INDEX, name=name)
        found = store.find(name)
        note = attach(store, NOTE, subject=found[0].digest)
        attach(store, SIGNATURE, subject=note.digest)
    return reference


@pytest.mark.parametrize("first", STORES)
@pytest.mark.parametrize("second", STORES)
def test_a_copy_of_a_copy_is_the_same(origin, first, second, at, access, scratch):
    if first == second:
        return
    here = copy(origin, at(first), access, scratch=scratch)
    there = copy(at(first), at(second), access, scratch=scratch)
    assert here == there
    assert here.attached == 2
    with open_reader(at(second), access, scratch=scratch) as (store, name):
        descriptor, raw = store.find(name)
        assert (descriptor.digest, descriptor.media_type) == (here.digest, MediaType.INDEX)
        for each in ImageIndex.parse(raw).manifests:
            assert store.find(str(each.digest)) is not None
        assert attached(store, here.digest, scratch=scratch) == (NOTE,)
    assert validate(source(at(second), access).read(scratch=scratch)).find("/amd64") is not None


def test_a_copy_within_a_registry_moves_no_blobs(origin, registry, at, access, scratch):
    copy(origin, at(STORES[0]), access, scratch=scratch)
    registry.seen.clear()
    copy(at(STORES[0]), at(STORES[1]), access, scratch=scratch)
    assert registry.count("PATCH") == registry.count("GET", "/blobs/") == 0


def test_what_is_there_is_not_brought_again(origin, registry, at, access, scratch):
    copy(origin, at(STORES[0]), access, scratch=scratch)
    registry.seen.clear()
    copy(origin, at(STORES[0]), access, scratch=scratch)
    assert registry.count("PATCH") == registry.count("POST") == 0


def test_nothing_is_left_in_scratch(origin, at, access, scratch):
    copy(origin, at(STORES[0]), access, scratch=scratch)
    before = sorted(scratch.iterdir())
    copy(at(STORES[0]), at(STORES[2]), access, scratch=scratch)
    assert sorted(scratch.iterdir()) == before


@pytest.mark.parametrize("destination", STORES + OTHERS)
def test_one_platform_is_an_image_alone(origin, destination, at, access, scratch):
    copied = copy(origin, at(destination), access, scratch=scratch, whole=False)
    assert copied.attached == 0
    assert source(at(destination), access).read(scratch=scratch).config.architecture == "amd64"


@pytest.mark.parametrize("other", OTHERS)
def test_places_of_another_form_get_the_image_for_sgx(origin, other, at, access, scratch):
    copy(origin, at(other), access, scratch=scratch)
    copy(at(other), at(STORES[0]), access, scratch=scratch)
    assert validate(source(at(STORES[0]), access).read(scratch=scratch)).find("/amd64") is not None


@pytest.mark.parametrize("destination", STORES)
def test_another_image_is_not_overwritten_by_accident(origin, destination, at, access, scratch):
    sink(at(destination), access).write(made("other", scratch))
    with pytest.raises(UsageError):
        copy(origin, at(destination), access, scratch=scratch)
    copied = copy(origin, at(destination), access, scratch=scratch, overwrite=True)
    with open_reader(at(destination), access, scratch=scratch) as (store, name):
        assert store.find(name)[0].digest == copied.digest


def test_a_digest_is_not_written_by_another_image(origin, at, access, scratch):
    digest = "sha256:" + "0" * 64
    for write in (
        lambda place: copy(origin, place, access, scratch=scratch),
        lambda place: sink(place, access).write(made("x", scratch)),
    ):
        with pytest.raises(UsageError, match="not the one"):
            write(at("docker://{host}/a@" + digest))


def test_a_blob_that_was_changed_is_not_copied(origin, at, access, scratch, tmp_path):
    for path in (tmp_path / "origin" / "blobs" / "sha256").iterdir():
        raw = path.read_bytes()
        if not raw.startswith(b"{"):
            path.write_bytes(bytes(len(raw)))
    with pytest.raises(ImageRejected):
        copy(origin, at(STORES[0]), access, scratch=scratch)
    with pytest.raises(UsageError):
        source(at(STORES[0]), access).read(scratch=scratch)


def test_what_is_missing_is_not_copied(origin, at, access, scratch):
    with pytest.raises(UsageError, match="no image"):
        copy(at("oci:{tmp}/origin:none"), at(STORES[0]), access, scratch=scratch)
    with open_store(origin, access, scratch=scratch) as (store, name):
        found = ImageIndex.parse(store.find(name)[1])
        gone = replace(found.manifests[0], digest=type(found.manifests[0].digest)("0" * 64))
        store.put_document(ImageIndex(manifests=(gone,)).encode(), MediaType.INDEX, name="sparse")
    with pytest.raises(ImageRejected, match="missing"):
        copy(at("oci:{tmp}/origin:sparse"), at(STORES[0]), access, scratch=scratch)


def test_indexes_in_indexes_come_to_an_end(origin, at, access, scratch):
    with open_store(origin, access, scratch=scratch) as (store, _):
        raw = ImageIndex(manifests=()).encode()
        for _ in range(20):
            store.put_document(raw, MediaType.INDEX, name="deep")
            raw = ImageIndex(manifests=(store.find("deep")[0],)).encode()
    with pytest.raises(ImageRejected, match="without end"):
        copy(at("oci:{tmp}/origin:deep"), at(STORES[0]), access, scratch=scratch)


def test_foreign_layers_stay_where_they_are_and_come_along_in_files(registry, at, access, scratch):
    """A registry gets the descriptor that says where the layer is; a layout gets the layer."""
    image = made("amd64", scratch)
    (own,) = image.layers
    urls = {"urls": ["https://else.test/layer"]}
    foreign = replace(own, descriptor=replace(own.descriptor, media_type=MediaType.FOREIGN_LAYER_GZIP, other=urls))
    moved = replace(image, layers=(foreign,))
    key = ("a/b", str(own.descriptor.digest))
    sink(at("oci:{tmp}/foreign:v1")).write(moved)
    copy(at("oci:{tmp}/foreign:v1"), at(STORES[0]), access, scratch=scratch)
    sink(at(STORES[1]), access).write(moved)
    assert not [each for each in registry.blobs if each[1] == key[1]]
    registry.strike("GET", r"^/layer$", lambda _: httpx2.Response(200, content=own.blob.read()))
    copy(at(STORES[0]), at(STORES[2]), access, scratch=scratch)
    assert validate(source(at(STORES[2])).read(scratch=scratch)).find("/amd64") is not None
