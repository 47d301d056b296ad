"""What an image is said to be made of is compared, for both runtimes: take a good image, change one thing."""

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from caisson.conversion import Recipe, verify_image
from caisson.conversion.runtime import find_release
from caisson.errors import ProvenanceRejected
from caisson.oci import FileSystem
from caisson.protocol import ServerKeyHash
from caisson.provenance import Inventory, encode_sbom, require_recipe, require_source, runtime_in
from tests.unit.conversion import test_gramine as gramine
from tests.unit.conversion.conftest import PREMAIN, elf
from tests.unit.conversion.runtime.conftest import PREFIX, install


@pytest.fixture
def release(tmp_path):
    pal = {f"{PREFIX}/lib/gramine/sgx/libpal.so": elf(content=b"this is the PAL")}
    return find_release(install(tmp_path / "machine", changes=pal), prefix=f"/{PREFIX}")


def follow(bench, verified, plain, recipe, runtime=None):
    parsed = Recipe.parse(recipe.encode())
    require_recipe(verified, parsed, plain, premain=PREMAIN, scratch=bench.scratch, runtime=runtime, file_keys={})


def test_the_recipe_and_the_plain_image_give_the_image(bench):
    plain = bench.plain()
    for pin in (None, ServerKeyHash.of(b"x")):
        built = bench.convert(plain, key_server_pin=pin)
        require_source(built.image, plain, scratch=bench.scratch)
        follow(bench, verify_image(built.image), plain, bench.recipe)


@pytest.mark.parametrize("change", [("isv_svn = 3", "isv_svn = 4"), ("greeting = hello", "greeting = bye")])
def test_another_recipe_does_not(bench, change):
    plain = bench.plain()
    verified = verify_image(bench.convert(plain).image)
    with pytest.raises(ProvenanceRejected, match="the recipe gives the measurement"):
        follow(bench, verified, plain, bench.recipe.replace(*change))


def test_another_plain_image_does_not(bench):
    built = bench.convert()
    other = bench.plain({**bench.files, "srv/page": b"another page"})
    with pytest.raises(ProvenanceRejected, match="lowest layers"):
        require_source(built.image, other, scratch=bench.scratch)
    with pytest.raises(ProvenanceRejected, match="the recipe gives the measurement"):
        follow(bench, verify_image(built.image), other, bench.recipe)


def test_an_image_for_gramine_is_followed_with_the_release_that_it_has(bench, release, key):
    plain = gramine.make(bench.scratch)
    built = gramine.build(bench.scratch, release, key, image=plain)
    require_source(built.image, plain, scratch=bench.scratch)
    assert runtime_in(built.image) == release.bundle
    follow(bench, verify_image(built.image), plain, gramine.RECIPE, release)
    with pytest.raises(ProvenanceRejected, match="the recipe gives the measurement"):
        follow(bench, verify_image(built.image), plain, gramine.RECIPE)


def test_the_library_os_is_in_the_bill_of_materials(bench, release, key):
    image = gramine.build(bench.scratch, release, key).image
    raw = encode_sbom(image, verify_image(image), Inventory.of(FileSystem.of(image)))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(raw.decode()) is None
    found = {component["name"]: component for component in json.loads(raw)["components"]}
    assert found["gramine"]["version"] == release.bundle.version
    assert found["gramine"]["hashes"] == [{"alg": "SHA-256", "content": release.bundle.id}]
    assert runtime_in(bench.convert().image) is None
