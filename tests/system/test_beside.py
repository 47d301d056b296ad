"""A program and what is beside it, stopped, brought back and removed as one."""

import shutil
import tempfile
from pathlib import Path

import pytest

from demo import CACHE
from demo.stage import Stage

pytestmark = pytest.mark.slow
NETWORK = "caisson-shop"
BESIDE = '\n[[beside]]\nentry = "redis"\n'


@pytest.fixture
def shop():
    """A stage on which a copy of Redis runs, with another Redis beside it."""
    home = Path(tempfile.mkdtemp(prefix="caisson-test-"))
    stage = Stage(home)
    (home / "cache").symlink_to(CACHE)
    stage.succeed("catalog", "init", "redis", home / "shop")
    recipe = home / "shop" / "caisson.toml"
    recipe.write_text(recipe.read_text() + BESIDE)
    up = ("up", "shop", "--recipe", recipe, "--publish", "6379")
    try:
        stage.succeed(*up)
        yield stage, up
    finally:
        stage.caisson("down", "shop", "--all", "--volumes")
        shutil.rmtree(home, ignore_errors=True)


def listed(stage):
    found = stage.ask("ps")["containers"]
    return {one["name"]: (one["beside"], one["status"]) for one in found if one["name"] in ("shop", "shop-redis")}


def networks(stage):
    return stage.run("docker", "network", "ls", "--format", "{{.Name}}").stdout.split()


def test_both_are_stopped_brought_back_and_removed_together(shop):
    stage, up = shop
    assert listed(stage) == {"shop": (None, "running"), "shop-redis": ("shop", "running")}
    assert stage.ask("stop", "shop")["stopped"] == {"shop": "stopped", "shop-redis": "stopped"}
    assert listed(stage) == {"shop": (None, "exited"), "shop-redis": ("shop", "exited")}
    stage.succeed(*up)
    refused = stage.caisson("rm", "shop")
    assert refused.status == 2
    assert "caisson stop shop shop-redis" in refused.stderr
    assert NETWORK in networks(stage)
    assert stage.ask("rm", "shop", "--force")["removed"] == ["shop", "shop-redis"]
    assert listed(stage) == {}
    assert NETWORK not in networks(stage)
