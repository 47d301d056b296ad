"""Upstream images are converted by their entries: shown on images of their layout, as none is within reach."""

import pytest

from caisson import catalog
from caisson.conversion import PREMAIN, convert
from caisson.enclave import SigningKey
from caisson.errors import UsageError
from tests.unit.catalog.shapes import SHAPES
from tests.unit.conversion.conftest import PREMAIN as AGENT


@pytest.fixture(scope="module")
def key():
    return SigningKey.generate()


@pytest.fixture
def converted(tmp_path, key):
    def convert_shape(name):
        recipe = catalog.load(name).recipe.taken_from(upstream=True)
        return convert(SHAPES[name].image(tmp_path), recipe, signer=key, premain=AGENT, scratch=tmp_path)

    return convert_shape


def trusted(built):
    return {file.uri.removeprefix("file:") for file in built.manifest.sgx.trusted_files}


def test_every_entry_with_an_upstream_image_has_a_shape():
    assert {name for name in catalog.names() if catalog.load(name).recipe.source.image is not None} == SHAPES.keys()


@pytest.mark.parametrize("name", SHAPES)
def test_the_program_and_what_it_needs_are_measured_and_nothing_of_what_lies_beside_it(name, converted):
    shape, recipe = SHAPES[name], catalog.load(name).recipe.taken_from(upstream=True)
    found = trusted(converted(name))
    wanted = {f"/{shape.program}", PREMAIN, *(file.path for file in recipe.file), *(f"/{path}" for path in shape.data)}
    wanted |= {f"/{shape.directory}/{library}" for library in shape.libraries}
    assert wanted <= found
    assert not found & {f"/{path}" for path in shape.beside}
    # Whatever else is measured starts what the recipe starts: a shell, if it says so, and the dynamic loader.
    others = {path.rpartition("/")[2] for path in found - wanted}
    named = " ".join([*recipe.application.command, *recipe.application.environment.values(), *recipe.files.trusted])
    loaders = {"ld-linux-x86-64.so.2", "ld-musl-x86_64.so.1"}
    assert {other for other in others if other not in loaders and other not in named} == set()


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_started_is_the_recipes_not_the_entry_point_script(name, converted):
    recipe, built = catalog.load(name).recipe, converted(name)
    upstream = recipe.taken_from(upstream=True)
    loader = built.manifest.loader
    assert loader.argv[2:] == upstream.application.command
    assert f"{loader.uid}:{loader.gid}" == upstream.application.user
    assert built.image.config.run.entrypoint == (PREMAIN,)
    assert set(built.image.config.run.volumes) == set(upstream.kept or SHAPES[name].run.volumes)


@pytest.mark.parametrize("name", [name for name in SHAPES if catalog.load(name).recipe.source.debian is not None])
def test_debians_recipe_is_another_one(name):
    recipe = catalog.load(name).recipe
    debian, upstream = recipe.taken_from(upstream=False), recipe.taken_from(upstream=True)
    assert debian.source.image is None
    assert upstream.source.debian is None
    assert debian.model_copy(update={"source": upstream.source}).provision == upstream.provision
    assert debian.enclave == upstream.enclave


@pytest.mark.parametrize("name", ["redis", "memcached", "nodejs", "mariadb"])
def test_the_recipe_for_debians_packages_does_not_fit_the_upstream_image(name, tmp_path, key):
    recipe = catalog.load(name).recipe.taken_from(upstream=False)
    with pytest.raises(UsageError, match=r"no program|does not have"):
        convert(SHAPES[name].image(tmp_path), recipe, signer=key, premain=AGENT, scratch=tmp_path)
