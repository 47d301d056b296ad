"""The first part of docs/guides/own-program.md: a base becomes a program of one's own, is changed, and runs again."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from demo import CACHE
from demo.stage import Stage


@pytest.fixture
def stage():
    # A short path: the platform's socket lies in it, and a socket's path has at most 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="caisson-test-"))
    (home / "cache").symlink_to(CACHE)
    stage = Stage(home)
    try:
        yield stage
    finally:
        stage.caisson("down", "my-service", "--all", "--volumes")
        shutil.rmtree(home, ignore_errors=True)


def test_a_base_is_copied_run_changed_and_run_again(stage, tmp_path):
    own = tmp_path / "my-service"
    stage.succeed("catalog", "init", "python", own)
    up = ("up", "my-service", "--recipe", own / "caisson.toml", "--publish", "8443")
    first = stage.ask(*up)

    def answer(said):
        curl = ("curl", "--silent", "--show-error", "--fail", "--cacert", said["ca"], "--data", "hello")
        return stage.run(*curl, f"https://{said['address']}/seal").stdout.strip()

    assert len(answer(first)) == 64
    source = own / "service.py"
    assert "hex() +" in source.read_text()
    source.write_text(source.read_text().replace("hex() +", "hex().upper() +"))
    refused = stage.caisson(*up)
    assert refused.status == 2
    assert "caisson down my-service" in refused.stderr
    stage.succeed("down", "my-service")
    second = stage.ask(*up)
    assert second["mrenclave"] != first["mrenclave"]
    assert answer(second) == answer(second).upper()
    assert len(answer(second)) == 64
    listed = json.dumps(stage.ask("secret", "list"))
    assert "my-service-key" in listed
    assert "python-key" not in listed
