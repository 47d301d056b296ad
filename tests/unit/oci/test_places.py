"""What strangers' tools write, and what an attacker makes of it."""

import gc
import gzip
import io
import json
import tarfile
from hashlib import sha256

import pytest

from caisson.errors import ImageRejected, Malformed, Rejected, Unavailable, UsageError
from caisson.oci import MediaType, Reference, append, sink, source, validate
from caisson.oci.places.engine import Engine


@pytest.fixture
def image(workshop):
    return append(workshop.image(entrypoint=("/a",)), workshop.layer(("a", b"content")), created_by="test")


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def layout(image, tmp_path):
    sink(Reference.parse(f"oci:{tmp_path}/layout:v1")).write(image)
    return tmp_path / "layout"


def read(reference, scratch):
    return source(Reference.parse(str(reference))).read(scratch=scratch)


def put_blob(layout, value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    digest = sha256(raw).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(raw)
    return {"digest": f"sha256:{digest}", "size": len(raw)}


def put_index(layout, *manifests):
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))


def entry(layout):
    return json.loads((layout / "index.json").read_text())["manifests"][0]


def test_the_variant_for_sgx_is_chosen_from_an_index_of_platforms(image, layout, scratch):
    own = entry(layout)
    foreign = {**own, "platform": {"os": "linux", "architecture": "arm64"}}
    inner = put_blob(layout, {"schemaVersion": 2, "manifests": [foreign, own]})
    put_index(layout, {"mediaType": MediaType.INDEX, **inner})
    assert read(f"oci:{layout}", scratch).digest == image.digest
    inner = put_blob(layout, {"schemaVersion": 2, "manifests": [foreign]})
    put_index(layout, {"mediaType": MediaType.INDEX, **inner})
    with pytest.raises(UsageError, match="linux/amd64"):
        read(f"oci:{layout}", scratch)


def test_tags_are_listed_where_one_has_to_be_chosen(image, layout, workshop, scratch):
    other = append(image, workshop.layer("b"), created_by="more")
    sink(Reference.parse(f"oci:{layout}:v2")).write(other)
    assert read(f"oci:{layout}:v2", scratch).digest == other.digest
    for reference in (f"oci:{layout}", f"oci:{layout}:v3"):
        with pytest.raises(UsageError) as caught:
            read(reference, scratch)
        assert "`v1`, `v2`" in caught.value.hint


def test_an_index_that_goes_round_in_circles_is_refused(layout, scratch):
    inner = put_blob(layout, {"schemaVersion": 2, "manifests": []})
    for _ in range(6):
        nested = {"mediaType": MediaType.INDEX, **inner, "platform": {"os": "linux", "architecture": "amd64"}}
        inner = put_blob(layout, {"schemaVersion": 2, "manifests": [nested]})
    put_index(layout, {"mediaType": MediaType.INDEX, **inner})
    with pytest.raises(ImageRejected, match="where an image should be"):
        read(f"oci:{layout}", scratch)


def test_a_missing_blob_is_refused(image, layout, scratch):
    (layout / "blobs" / "sha256" / image.layers[0].descriptor.digest.hex).unlink()
    with pytest.raises(ImageRejected, match="lacks the blob"):
        read(f"oci:{layout}", scratch)


def test_a_manifest_of_another_size_or_digest_is_refused(layout, scratch):
    good = entry(layout)
    for change in ({"size": good["size"] - 1}, {"size": good["size"] + 1}, {"size": 1 << 40}):
        put_index(layout, {**good, **change})
        with pytest.raises(Rejected):
            read(f"oci:{layout}", scratch)


def test_fewer_diff_ids_than_layers_are_refused(image, layout, scratch):
    config = json.loads(image.documents.config)
    config["rootfs"]["diff_ids"] = []
    manifest = json.loads(image.documents.manifest)
    manifest["config"] |= put_blob(layout, config)
    put_index(layout, {"mediaType": MediaType.MANIFEST, **put_blob(layout, manifest)})
    with pytest.raises(ImageRejected, match="1 layers, and 0 diff IDs"):
        read(f"oci:{layout}", scratch)


@pytest.mark.parametrize("marker", [b"{}", b'{"imageLayoutVersion":"2.0.0"}', b"[]", b""])
def test_a_layout_of_another_version_is_refused(layout, scratch, marker):
    (layout / "oci-layout").write_bytes(marker)
    with pytest.raises((ImageRejected, Malformed)):
        read(f"oci:{layout}", scratch)


def test_a_directory_with_other_things_in_it_is_no_place_for_a_layout(image, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").touch()
    with pytest.raises(UsageError, match="no OCI layout"):
        sink(Reference.parse(f"oci:{tmp_path}/home")).write(image, overwrite=True)


def docker_archive(path, image, *, layer_name="layer.tar", packed=False, extra=(), **listing):
    layer = image.layers[0].archive().read()
    files = {
        layer_name: gzip.compress(layer) if packed else layer,
        "config.json": image.documents.config,
        "manifest.json": json.dumps(
            [{"Config": "config.json", "RepoTags": ["app:v1"], "Layers": [layer_name], **listing}]
        ).encode(),
    }
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, target in extra:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return f"docker-archive:{path}"


def test_an_archive_with_compressed_layers_keeps_them(image, tmp_path, scratch):
    back = read(docker_archive(tmp_path / "a.tar", image, packed=True), scratch)
    validate(back)
    assert back.image_id == image.image_id
    assert back.digest != image.digest  # another compressor


def test_an_archive_that_is_compressed_as_a_whole_is_read(image, tmp_path, scratch):
    docker_archive(tmp_path / "a.tar", image)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress((tmp_path / "a.tar").read_bytes()))
    assert read(f"docker-archive:{tmp_path}/a.tar.gz", scratch).digest == image.digest


def test_links_between_layers_are_followed_inside_the_archive_only(image, tmp_path, scratch):
    linked = docker_archive(
        tmp_path / "a.tar", image, extra=[("old/layer.tar", "../layer.tar")], Layers=["old/layer.tar"]
    )
    assert read(linked, scratch).digest == image.digest
    for target in ("../../layer.tar", "/etc/passwd", "old/layer.tar"):
        bent = docker_archive(tmp_path / "b.tar", image, extra=[("old/layer.tar", target)], Layers=["old/layer.tar"])
        with pytest.raises(ImageRejected):
            read(bent, scratch)


@pytest.mark.parametrize(
    "listing",
    [
        {"Layers": []},
        {"Layers": ["gone.tar"]},
        {"Layers": ["config.json"]},
        {"Config": "gone.json"},
        {"Config": "layer.tar"},
        {"Config": 5},
        {"Layers": [5]},
    ],
)
def test_a_listing_that_does_not_fit_is_refused(image, tmp_path, scratch, listing):
    with pytest.raises(Rejected):
        validate(read(docker_archive(tmp_path / "a.tar", image, **listing), scratch))


def test_an_image_is_chosen_by_any_spelling_of_its_name(image, tmp_path, scratch):
    reference = docker_archive(tmp_path / "a.tar", image, RepoTags=["docker.io/library/app:v1"])
    assert read(f"{reference}:app:v1", scratch).digest == image.digest
    with pytest.raises(UsageError) as caught:
        read(f"{reference}:other", scratch)
    assert "`docker.io/library/app:v1`" in caught.value.hint


# httpx2 leaves a socket whose connection was refused to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_engine_is_no_verdict(tmp_path, image, scratch):
    for act in (lambda engine: engine.read(scratch=scratch), lambda engine: engine.write(image)):
        with pytest.raises(Unavailable) as caught:
            act(Engine("app:v1", f"unix://{tmp_path}/none.sock"))
        assert "DOCKER_HOST" in caught.value.hint
        del caught  # and with it the frames that hold the socket
        gc.collect()


def test_an_engine_behind_ssh_is_refused_with_what_would_do(image):
    with pytest.raises(UsageError, match="ssh"):
        Engine("app:v1", "ssh://host").write(image)


def test_an_image_cannot_be_written_where_it_makes_no_sense(image):
    with pytest.raises(UsageError):
        sink(Reference.parse("rootfs:x"))
    with pytest.raises(UsageError, match="no name"):
        Engine("sha256:" + "0" * 64).write(image)
