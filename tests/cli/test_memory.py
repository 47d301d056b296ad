"""How much memory an image of 1 GiB takes."""

import pytest

from benchmarks.large import RECIPE, caisson, large_image, run
from caisson.conversion import premain
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
        used = run(caisson(*command)).memory
        assert used < LIMIT, (command[0], used >> 20)


ENCRYPTED = """
[[encrypted_file]]
path = "/model"
from = "model"
key = "model"
[provision]
fs_keys = { model = "model-key" }
"""


@pytest.mark.slow
def test_a_model_of_a_gibibyte_is_encrypted_in_less_than_300_mebibytes(tmp_path):
    for name in ("root/bin", "root/data", "model"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "root/bin/program").write_bytes(premain())
    (tmp_path / "root/bin/program").chmod(0o755)
    recipe = RECIPE.replace('summary = "is large"', 'summary = "is large"\ntmpfs = ["/run/caisson", "/model"]')
    (tmp_path / "caisson.toml").write_text(recipe + ENCRYPTED)
    (tmp_path / "key.pem").write_bytes(SigningKey.generate().to_pem(None))
    (tmp_path / "model.key").write_bytes(bytes(range(16)))
    (tmp_path / "model.key").chmod(0o600)
    with (tmp_path / "model/weights").open("wb") as file:
        for _ in range(1024):
            file.write(bytes(range(256)) * 4096)
    for command in (
        ("build", f"rootfs:{tmp_path}/root", f"oci:{tmp_path}/out:v1"),
        ("verify", f"oci:{tmp_path}/out:v1"),
    ):
        keys = ("--recipe", f"{tmp_path}/caisson.toml", "--key", f"{tmp_path}/key.pem")
        options = (*keys, "--file-key", f"model={tmp_path}/model.key") if command[0] == "build" else ()
        used = run(caisson(command[0], *options, *command[1:])).memory
        assert used < LIMIT, (command[0], used >> 20)
