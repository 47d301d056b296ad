"""The image of Caisson itself, made and started as `caisson image` says."""

import subprocess

import pytest

from demo import CACHE
from demo.stage import Stage

pytestmark = pytest.mark.slow
LOCKED = (
    "--read-only",
    "--tmpfs",
    "/tmp",
    "--cap-drop",
    "ALL",
    "--security-opt",
    "no-new-privileges",
    "--network",
    "none",
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "cache").symlink_to(CACHE)
    return Stage(home)


@pytest.fixture(scope="module")
def made(stage):
    return stage.ask("image", "caisson-itself:test", "--force")


def started(*arguments):
    return subprocess.run(
        ["docker", "run", "--rm", *LOCKED, "caisson-itself:test", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_made_the_same_twice(stage, made, tmp_path):
    assert stage.ask("image", f"oci:{tmp_path}:x")["digest"] == made["digest"]


@pytest.mark.usefixtures("made")
def test_it_is_caisson_and_runs_as_nobody_with_nothing_writable():
    listed = started("catalog", "list")
    assert listed.returncode == 0, listed.stderr
    assert "redis" in listed.stdout
    assert started("catalog", "show", "nothing").returncode == 2


@pytest.mark.usefixtures("made")
def test_every_part_of_it_can_be_loaded():
    """A library that Debian's Python lacks would show here, not when a cluster needs it."""
    for command in (
        ("keyserver", "serve"),
        ("webhook", "serve"),
        ("platform", "serve"),
        ("serve-verifier",),
        ("deploy", "helm"),
    ):
        done = started(*command, "--help")
        assert done.returncode == 0, done.stderr
    made = started("keyserver", "init", "--state", "/tmp/state", "--unseal-key-file", "/tmp/key", "--json")
    assert made.returncode == 0, made.stderr
    assert "server_key_sha256" in made.stdout
