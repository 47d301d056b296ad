"""A web application and its database under plain Docker, from the generated scripts, unchanged."""

import os
import shutil
import signal
import ssl
import tempfile
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import CACHE
from demo.stage import Stage
from tests.system.deploy.fetch import VISITS

pytestmark = pytest.mark.slow
PORT = 18444


@dataclass(frozen=True)
class Site:
    stage: Stage
    ups: dict[str, dict[str, str]]

    def visit(self, patience=90):
        """Ask for the page until it counts; give what it says."""
        trusted = ssl.create_default_context(cafile=self.ups["visits"]["ca"])
        deadline = time.monotonic() + patience
        while True:
            with suppress(OSError), urllib.request.urlopen(f"https://localhost:{PORT}/", context=trusted) as answer:
                return answer.read().decode().strip()
            assert time.monotonic() < deadline, self.docker("logs", "visits")
            time.sleep(0.2)

    def docker(self, *words):
        done = self.stage.run("docker", *words)
        assert done.status == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def site():
    stage = Stage(Path(tempfile.mkdtemp(prefix="caisson-web-")))
    (stage.home / "cache").symlink_to(CACHE)
    names = ("redis", "visits")
    try:
        stage.run("docker", "network", "create", "backend")
        ups = {}
        for name, recipe, publish in (
            ("redis", (), ()),
            ("visits", ("--recipe", VISITS), ("--publish", f"{PORT}:8443")),
        ):
            ups[name] = stage.ask("up", name, *recipe)
            stage.succeed("down", name, "--volumes")
            stage.succeed(
                *("deploy", "run", ups[name]["image"], "--key-server", ups[name]["key_server"], "--network", "backend"),
                *("--platform-socket", stage.home / "platform.sock", "--output", stage.home / name, *publish),
            )
        for name in names:
            started = stage.run("sh", stage.home / name / "run.sh")
            assert started.status == 0, started.stderr
        yield Site(stage, ups)
    finally:
        for name in names:
            stage.caisson("rm", name, "--force", "--volumes")
        stage.run("docker", "network", "rm", "backend")
        stage.caisson("down", "--all")
        shutil.rmtree(stage.home, ignore_errors=True)


def test_the_page_counts_in_its_database_and_comes_back_when_it_is_killed(site):
    assert [site.visit(), site.visit()] == ["visit 1", "visit 2"]
    os.kill(int(site.docker("inspect", "--format", "{{.State.Pid}}", "visits")), signal.SIGKILL)
    assert site.visit() == "visit 3"
    site.docker("restart", "redis")  # it ends in peace, and keeps what it has
    assert site.visit() == "visit 4"


def test_both_prove_what_they_are(site):
    up = site.ups["visits"]
    attested = site.stage.caisson("attest", f"127.0.0.1:{PORT}", "--policy", up["policy"], "--pcs", up["pcs"])
    assert attested.status == 0, attested.stderr
    found = {one["name"]: one["attested"]["binding"] for one in site.stage.ask("ps", "--connect")["containers"]}
    # The database publishes no port: of it the log says only that such an enclave was activated since it started.
    assert (found["redis"], found["visits"]) == ("name", "key")


def test_the_secret_is_in_no_file_and_in_nothing_that_docker_shows(site):
    password = site.stage.succeed("secret", "get", "redis-password", "--reveal").stdout.strip()
    scripts = [(site.stage.home / name / "run.sh").read_text() for name in ("redis", "visits")]
    shown = [site.docker("inspect", name) + site.docker("logs", name) for name in ("redis", "visits")]
    assert len(password) == 32
    assert not [text for text in (*scripts, *shown) if password in text]


def test_nothing_is_left_when_it_is_taken_away(site):
    site.stage.succeed("rm", "redis", "visits", "--force", "--volumes")
    assert site.stage.ask("ps")["containers"] == []
    volumes = site.docker("volume", "ls", "--quiet").split()
    assert not [name for name in volumes if name == "caisson-redis-data" or name.startswith("caisson-visits")]
