"""A Swarm of two nodes, in namespaces of its own."""

import sys

import pytest

from tests.system.deploy.probing import ROOT, run


@pytest.mark.slow
def test_the_story_of_the_swarm_is_told_to_its_end():
    script = ROOT / "scripts" / "with-docker"
    told = run(script, "--swarm", sys.executable, "-m", "tests.system.deploy.swarm_story", cwd=ROOT)
    chapters = [line.partition(":")[0] for line in told.splitlines() if ": as it must be" in line]
    assert chapters == ["devices", "placement", "a liar", "a rolling update", "a killed task"]
