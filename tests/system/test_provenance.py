"""A publisher's way through a real registry: Debian's, which has no API for referrers."""

import json
import subprocess

import pytest

from caisson.oci import Digest
from demo import CACHE
from demo.stage import Stage
from tests.system.registries import RealRegistry
from tests.unit.provenance.conftest import POLICY


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    server = RealRegistry(tmp_path_factory.mktemp("registry"))
    server.start()
    yield server.host
    server.stop()


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "cache").symlink_to(CACHE)
    return Stage(home)


@pytest.fixture(scope="module")
def published(stage, registry):
    """Redis from the catalog, pushed, and all that its publisher states about it."""
    image = f"docker://{registry}/caisson/redis:7"
    key, publisher = f"{stage.home}/author.pem", f"{stage.home}/publisher.pem"
    stage.succeed("key", "generate", "--output", key)
    stage.succeed("provenance", "key", "--output", publisher)
    built = stage.ask("build", "--catalog", "redis", "--key", key, image)
    attached = stage.ask("provenance", "attach", image, "--key", publisher, "--catalog", "redis")
    policy = stage.home / "policy.toml"
    policy.write_text(
        POLICY.format(mrsigner=built["mrsigner"], publisher=(stage.home / "publisher.pub").read_text())
        .replace("isv_prod_id = 7", f"isv_prod_id = {built['isv_prod_id']}")
        .replace("minimum_isv_svn = 3", f"minimum_isv_svn = {built['isv_svn']}")
    )
    return {"image": image, "key": key, "policy": str(policy), "built": built, "attached": attached}


def test_a_policy_accepts_what_its_publisher_pushed(stage, published):
    found = stage.ask("verify", published["image"], "--policy", published["policy"])
    assert found["digest"] == published["built"]["digest"]
    assert found["provenance"]["publisher"] == published["attached"]["publisher"]
    assert found["provenance"]["source"]
    assert found["provenance"]["recipe"]


def test_the_bill_of_materials_lists_debians_packages(stage, published):
    value = json.loads(stage.succeed("provenance", "sbom", published["image"]).stdout)
    names = {component["name"] for component in value["components"]}
    assert {"premain", "redis-server", "libc6", "libssl3"} <= names
    assert published["attached"]["packages"] == len(value["components"]) - 1


def test_others_tools_see_image_and_signature(published):
    """`skopeo` reads what cosign would read: the image, and the signature by its tag."""
    name = published["image"].rpartition(":")[0]
    tag = f"sha256-{Digest.parse(published['built']['digest']).hex}.sig"
    for reference, media_type in (
        (published["image"], "application/vnd.oci.image.layer.v1.tar+gzip"),
        (f"{name}:{tag}", "application/vnd.dev.cosign.simplesigning.v1+json"),
    ):
        command = ["skopeo", "inspect", "--raw", "--tls-verify=false", reference]
        manifest = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        assert manifest["layers"][-1]["mediaType"] == media_type


def test_a_tag_that_was_moved_in_the_registry_is_refused(stage, published):
    """What is stated holds for a digest, whatever its tag; and for no other image that is put under the tag."""
    latest = published["image"].replace("redis:7", "redis:latest")
    build = ("build", "--catalog", "redis", "--key", published["key"])
    stage.succeed(*build, latest)
    assert stage.ask("verify", latest, "--policy", published["policy"])["digest"] == published["built"]["digest"]
    stage.succeed(*build, "--key-server-pin", "ab" * 32, latest, "--force")
    refused = stage.caisson("verify", latest, "--policy", published["policy"])
    assert refused.status == 1
    assert "no statement is attached to the image" in refused.stderr
