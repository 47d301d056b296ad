"""Tags become digests that a real registry gave, and builds say which image they took."""

import json

import pytest

from caisson.cli.app import run
from caisson.conversion import Recipe
from caisson.oci import MediaType, Reference, RegistryName, open_reader, open_store, sink
from tests.system.registries import RealRegistry
from tests.unit.catalog.shapes import SHAPES


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    registry = RealRegistry(tmp_path_factory.mktemp("registry"))
    registry.start()
    yield registry
    registry.stop()


@pytest.fixture
def image(registry, tmp_path):
    """An image with the layout of Redis's, pushed as an index for two platforms, as upstream pushes theirs."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    image = SHAPES["redis"].image(scratch)
    name = f"{registry.host}/library/redis:7.2"
    sink(Reference.parse(f"docker://{name}")).write(image, overwrite=True)
    platforms = [
        {
            "mediaType": image.manifest.media_type,
            "digest": str(image.digest),
            "size": len(image.documents.manifest),
            "platform": {"os": "linux", "architecture": architecture},
        }
        for architecture in ("arm64", "amd64")
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": MediaType.INDEX, "manifests": platforms}).encode()
    with open_store(Reference.parse(f"docker://{name}"), scratch=scratch) as (store, _):
        store.put_document(index, MediaType.INDEX, name="7.2")
    return RegistryName.parse(name)


@pytest.fixture
def entry(tmp_path, image, capsys):
    """A copy of the catalog's Redis whose upstream image is that of the registry."""
    directory = tmp_path / "mine"
    assert run(["catalog", "init", "redis", str(directory), "--upstream"]) == 0
    recipe = directory / "caisson.toml"
    recipe.write_text(recipe.read_text().replace("docker.io/library/redis:7.2", str(image)))
    assert run(["key", "generate", "--output", str(tmp_path / "key.pem")]) == 0
    capsys.readouterr()
    return directory


def reference(entry):
    return Recipe.read(entry / "caisson.toml").source.image.reference


def digest_in(image, scratch):
    with open_reader(Reference.parse(f"docker://{image}"), scratch=scratch) as (reader, _):
        return reader.find("7.2")[0]


def build(entry, destination):
    key = entry.parent / "key.pem"
    return run(["build", "--recipe", str(entry / "caisson.toml"), "--key", str(key), f"oci:{destination}:x", "--json"])


def test_a_tag_is_pinned_to_the_digest_of_its_index(entry, image, tmp_path, capsys):
    found = digest_in(image, tmp_path)
    assert found.media_type == MediaType.INDEX
    assert run(["catalog", "pin", str(entry), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["image"] == f"{image}@{found.digest}" == reference(entry)
    before = (entry / "caisson.toml").read_bytes()
    assert run(["catalog", "pin", str(entry), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert (entry / "caisson.toml").read_bytes() == before


def test_a_digest_that_nobody_has_seen_is_not_written(entry, image, registry, capsys):
    before = (entry / "caisson.toml").read_bytes()
    for wanted in (f"{image}@sha256:{'0' * 64}", f"{registry.host}/library/redis:9", f"{registry.host}/other:7.2"):
        assert run(["catalog", "pin", str(entry), "--image", wanted]) == 2
        assert "has no image" in capsys.readouterr().err
    assert (entry / "caisson.toml").read_bytes() == before


def test_another_image_is_pinned_if_it_is_named(entry, image, registry):
    other = f"{registry.host}/mirror/redis:7.2"
    assert run(["copy", f"docker://{image}", f"docker://{other}"]) == 0
    assert run(["catalog", "pin", str(entry), "--image", other]) == 0
    assert reference(entry).startswith(f"{other}@sha256:")


def test_what_is_not_pinned_is_warned_of_and_said(entry, image, tmp_path, capsys):
    found = f"{image}@{digest_in(image, tmp_path).digest}"
    assert build(entry, tmp_path / "one") == 0
    out, err = capsys.readouterr()
    assert f"warning: the recipe does not pin its image; this one is {found}" in err
    first = json.loads(out)
    assert first["base"] == found
    assert run(["catalog", "pin", str(entry)]) == 0
    capsys.readouterr()
    assert build(entry, tmp_path / "two") == 0
    out, err = capsys.readouterr()
    assert "warning: the recipe does not pin" not in err
    assert json.loads(out)["digest"] == first["digest"]


def test_a_pinned_build_takes_no_other_image_when_the_tag_moves(entry, image, tmp_path, capsys):
    assert run(["catalog", "pin", str(entry)]) == 0
    assert build(entry, tmp_path / "one") == 0
    before = json.loads(capsys.readouterr().out.partition("\n")[2])["digest"]
    scratch = tmp_path / "moved"
    scratch.mkdir()
    sink(Reference.parse(f"docker://{image}")).write(SHAPES["memcached"].image(scratch), overwrite=True)
    assert build(entry, tmp_path / "two") == 0
    assert json.loads(capsys.readouterr().out)["digest"] == before
