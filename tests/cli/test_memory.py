"""How much memory an image of 1 GiB takes."""

import pytest

from benchmarks.large import RECIPE, caisson, large_image, run
from caisson.enclave import SigningKey
from caisson.oci import Reference, sink

LIMIT = 300 << 20
ORIGINS = ["oci:{}/plain:v1", "docker-archive:{}/plain.tar:plain:v1"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A directory with the image in two forms, a recipe and a key."""
    path = tmp_path_factory.mktemp("large")
    (path / "caisson.toml").write_text(RECIPE)
    (path / "key.pem").write_bytes(SigningKey.generate().to_pem(None))
    scratch = path / "scratch"
    scratch.mkdir()
    image = large_image(scratch)
    assert sum(layer.archive().size for layer in image.layers) >= 1 << 30
    for origin in ORIGINS:
        sink(Reference.parse(origin.format(path))).write(image)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("origin", ORIGINS)
def test_an_image_of_a_gibibyte_is_converted_and_verified_in_less_than_300_mebibytes(desk, tmp_path, origin):
    keys = ("--recipe", str(desk / "caisson.toml"), "--key", str(desk / "key.pem"))
    for command in (
        ("build", *keys, origin.format(desk), f"oci:{tmp_path}/out:v1"),
        ("verify", f"oci:{tmp_path}/out:v1"),
        ("copy", f"oci:{tmp_path}/out:v1", f"oci-archive:{tmp_path}/out.tar:v1"),
    ):
        _, used = run(caisson(*command))
        assert used < LIMIT, (command[0], used >> 20)
