"""What `make demo` tells is true."""

import sys
from pathlib import Path

from demo.stage import Stage


def test_the_story_is_told_to_its_end_and_every_attack_fails():
    done = Stage(Path.cwd()).run(sys.executable, "-m", "demo.story")
    assert done.status == 0, done.stdout + done.stderr
    assert done.stdout.count("refused, status 1: ") == 8
    assert "NOT REFUSED" not in done.stdout


def test_afterwards_nothing_is_left():
    assert Stage(Path.cwd()).run("docker", "ps", "--all", "--format", "{{.Names}}").stdout.split() == []
