"""A deployment of Redis, as `caisson up redis` makes it, for all tests of one file."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import CACHE
from demo.stage import Stage


@dataclass(frozen=True)
class Deployment:
    stage: Stage
    up: dict[str, str]
    password: str


@pytest.fixture(scope="module")
def deployment():
    # A short path: the platform's socket lies in it, and a socket's path has at most 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="caisson-test-"))
    stage = Stage(home)
    (home / "cache").symlink_to(CACHE)
    try:
        up = stage.ask("up", "redis", "--publish", "6379")
        password = stage.succeed("secret", "get", "redis-password", "--reveal").stdout.strip()
        yield Deployment(stage, up, password)
    finally:
        stage.caisson("down", "redis", "--all", "--volumes")
        shutil.rmtree(home, ignore_errors=True)
