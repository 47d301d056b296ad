"""What runs, what it is and when it was attested: two containers on a real engine, from their start to their end."""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo import CACHE
from demo.stage import Stage

pytestmark = pytest.mark.slow  # each of its many calls loads the program anew


@dataclass(frozen=True)
class Pair:
    """Two of the same workload and enclave, so that only their keys tell them apart."""

    stage: Stage
    up: dict[str, str]
    begin: str

    def listed(self, *options):
        found = self.stage.ask("ps", *options)["containers"]
        return {one["name"]: one for one in found if one["name"] in ("redis", "second")}

    def pid(self, name):
        return int(self.stage.run("docker", "inspect", "--format", "{{.State.Pid}}", name).stdout)

    def at(self, name):
        """The address at which the host reaches a container's port."""
        return self.stage.run("docker", "port", name, "6379").stdout.split()[0]

    def told(self, *options):
        lines = self.stage.succeed("events", "--json", *(options or ("--since", self.begin))).stdout.splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def pair():
    home = Path(tempfile.mkdtemp(prefix="caisson-test-"))
    stage = Stage(home)
    (home / "cache").symlink_to(CACHE)
    begin = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        up = stage.ask("up", "redis", "--publish", "6379")
        run = ("run", up["image"], "--name", "second", "--key-server", up["key_server"], "--publish", "6379")
        stage.succeed(*run, "--detach")
        yield Pair(stage, up, begin)
    finally:
        for name in ("redis", "second"):
            stage.caisson("rm", name, "--force", "--volumes")
        stage.caisson("down", "--all")
        shutil.rmtree(home, ignore_errors=True)


def eventually(ask, patience=90):
    deadline = time.monotonic() + patience
    while not (found := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def test_each_is_known_by_its_key(pair):
    def attested():
        found = pair.listed("--connect")
        return found if {one["attested"]["binding"] for one in found.values()} == {"key"} else None

    found = eventually(attested)
    assert set(found) == {"redis", "second"}
    for container in found.values():
        assert container["status"] == "running"
        assert container["enclave"]["mrenclave"] == pair.up["mrenclave"]
        assert container["runtime"] == "native"
    assert found["redis"]["attested"]["sequence"] < found["second"]["attested"]["sequence"]


def test_people_are_told_by_whom(pair):
    table = pair.stage.succeed("ps").stdout
    assert f"attested by the key server {pair.up['key_server_pin']}" in table
    assert "caisson/redis:latest" in table


def test_events_show_activations_between_start_and_end(pair):
    told = [(one["source"], one["event"]) for one in pair.told()]
    starts = [at for at, one in enumerate(told) if one == ("engine", "start")]
    activations = [at for at, one in enumerate(told) if one == ("key-server", "activation-released")]
    assert len(starts) == len(activations) == 2
    assert all(start < activation for start, activation in zip(starts, activations, strict=True))


def test_logs_are_the_programs_words(pair):
    assert "Ready to accept connections" in pair.stage.succeed("logs", "redis").stdout
    assert len(pair.stage.succeed("logs", "redis", "--tail", "2").stdout.splitlines()) <= 2


def test_nothing_is_run_inside(pair):
    refused = pair.stage.caisson("exec", "redis", "redis-cli", "CONFIG", "GET", "requirepass")
    assert (refused.status, refused.stdout) == (2, "")
    assert "the one program that was measured" in refused.stderr


def test_one_that_is_killed_is_said_to_be(pair):
    os.kill(pair.pid("second"), signal.SIGKILL)
    eventually(lambda: pair.listed()["second"]["status"] == "exited")
    assert pair.listed()["second"]["exit_code"] == 137
    assert "exited 137, SIGKILL" in pair.stage.succeed("ps").stdout
    assert {"event": "die", "container": "second", "exit_code": 137}.items() <= [
        one for one in pair.told() if one.get("container") == "second"
    ][-1].items()


def test_one_that_is_started_again_is_attested_again(pair):
    before = pair.listed()["second"]["attested"]["sequence"]
    pair.stage.run("docker", "start", "second")
    again = eventually(lambda: pair.listed("--connect")["second"]["attested"].get("sequence", 0) > before)
    assert again


def test_a_longer_life_begins_with_the_next_start(pair):
    ends = {name: one["attested"]["certificate_expires"] for name, one in pair.listed("--connect").items()}
    assert all(23 < (end - time.time()) / 3600 < 24 for end in ends.values())
    pair.stage.succeed("workload", "lifetime", "redis", "168")
    assert pair.listed("--connect")["redis"]["attested"]["certificate_expires"] == ends["redis"]
    pair.stage.run("docker", "restart", "second")

    def renewed():
        second = pair.listed("--connect")["second"]["attested"]
        return second if second["binding"] == "key" and second["certificate_expires"] > ends["second"] else None

    found = eventually(renewed)
    assert 166 < (found["certificate_expires"] - time.time()) / 3600 < 168
    assert found["certificate"] == "good"
    said = pair.stage.ask("attest", pair.at("second"), "--policy", pair.up["policy"], "--pcs", pair.up["pcs"])
    assert datetime.fromisoformat(said["certificate"]["ends"]).timestamp() == found["certificate_expires"]


def test_what_runs_is_not_removed(pair):
    refused = pair.stage.caisson("rm", "redis", "second")
    assert refused.status == 2
    assert "caisson stop redis second" in refused.stderr
    assert set(pair.listed()) == {"redis", "second"}


def test_what_is_stopped_stays_and_what_is_removed_keeps_its_data(pair):
    assert pair.stage.ask("stop", "redis", "second")["stopped"] == {"redis": "stopped", "second": "stopped"}
    assert {one["status"] for one in pair.listed().values()} == {"exited"}
    pair.stage.succeed("rm", "second")
    volumes = pair.stage.run("docker", "volume", "ls", "--quiet").stdout.split()
    assert "caisson-second-data" in volumes
    pair.stage.succeed("rm", "redis", "--volumes")
    assert "caisson-redis-data" not in pair.stage.run("docker", "volume", "ls", "--quiet").stdout.split()
    assert pair.listed() == {}


def test_without_a_key_server_nothing_is_claimed(pair):
    pair.stage.succeed("run", pair.up["image"], "--name", "second", "--key-server", "https://192.0.2.1", "--detach")
    found = pair.stage.run(
        sys.executable, "-m", "caisson.cli", "ps", "--json", CAISSON_HOME=f"{pair.stage.home}/nobody"
    )
    assert found.status == 0, found.stderr
    assert json.loads(found.stdout)["containers"][0]["attested"]["binding"] == "unknown"
