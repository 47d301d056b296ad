"""A Swarm of two nodes, in namespaces of its own."""

import json
import subprocess
import sys

import pytest

from tests.system.deploy.probing import ROOT, run


@pytest.mark.slow
@pytest.mark.timeout(900)  # it waits again and again, for two minutes each time if it has to
def test_the_story_of_the_swarm_is_told_to_its_end():
    script = ROOT / "scripts" / "with-docker"
    told = run(script, "--swarm", sys.executable, "-m", "tests.system.deploy.swarm_story", cwd=ROOT)
    chapters = [line.partition(":")[0] for line in told.splitlines() if ": as it must be" in line]
    assert chapters == ["devices", "placement", "a liar", "a rolling update", "a killed task"]


@pytest.mark.slow
def test_the_doctor_finds_the_swarm_as_node_setup_left_it():
    script = ROOT / "scripts" / "with-docker"
    look = '"$0" -m caisson.cli doctor --for swarm --device "$CAISSON_DEVICE" --json'
    told = subprocess.run(
        [script, "--swarm", "bash", "-c", look, sys.executable], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1, told.stderr  # there is no SGX, but a Swarm that is ready for it
    found = {each["id"]: each for each in json.loads(told.stdout)["checks"]}
    assert {found[each]["status"] for each in ("D30", "D31", "D60", "D61", "D62")} == {"ok"}
    assert found["D62"]["seen"] == "2 of 2 nodes offer `SGX_EPC`, at most 2049 MiB"
