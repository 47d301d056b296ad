"""Redis under Podman, from a generated script, attested; the software platform vouches for it."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from demo import CACHE
from demo.stage import Stage
from tests.system.deploy.podman import podman


def require_the_listing(stage, environment):
    """Podman's service speaks Docker's API, so that what runs there is listed, by its key."""
    socket = stage.home / "podman.sock"
    service = subprocess.Popen(["podman", "system", "service", "--time", "0", f"unix://{socket}"], env=environment)
    try:
        deadline = time.monotonic() + 30
        while not socket.exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        words = (sys.executable, "-m", "caisson.cli", "ps", "--connect", "--json")
        done = stage.run(*words, DOCKER_HOST=f"unix://{socket}")
        (container,) = json.loads(done.stdout)["containers"]
        assert (container["name"], container["status"], container["runtime"]) == ("redis", "running", "native")
        assert container["attested"]["binding"] == "key"
    finally:
        service.terminate()
        service.wait()


@pytest.mark.slow
def test_podman_runs_redis_and_anyone_can_attest_it():
    home = Path(tempfile.mkdtemp(prefix="caisson-podman-"))
    stage = Stage(home)
    (home / "cache").symlink_to(CACHE)
    try:
        up = stage.ask("up", "redis", "--publish", "6379")
        stage.succeed("down", "redis", "--volumes")
        stage.succeed(
            *("deploy", "run", up["image"], "--engine", "podman", "--key-server", up["key_server"]),
            *("--platform-socket", home / "platform.sock", "--publish", "26380:6379", "--output", home / "files"),
        )
        with podman(home) as environment:
            for command in (
                ["docker", "save", "--output", home / "image.tar", up["image"]],
                ["podman", "load", "--input", home / "image.tar"],
                ["sh", home / "files" / "run.sh"],
            ):
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
            deadline = time.monotonic() + 90
            attest = ("attest", "127.0.0.1:26380", "--policy", up["policy"], "--pcs", up["pcs"])
            while (done := stage.caisson(*attest)).status and time.monotonic() < deadline:
                time.sleep(0.5)
            assert "and the policy accepts it" in done.stdout, done.stderr
            require_the_listing(stage, environment)
    finally:
        stage.caisson("down", "--all")
        shutil.rmtree(home, ignore_errors=True)
