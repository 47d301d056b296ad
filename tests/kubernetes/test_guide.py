"""The guide's commands are run as they are printed."""

import os
import re
import sys
from pathlib import Path

from demo import CACHE
from tests.helm import helm_programs

GUIDE = Path(__file__).parent.parent.parent / "docs" / "guides" / "kubernetes.md"


def test_kubernetes_step_by_step(cluster, volume, tmp_path):
    volume("redis", (999, 999))
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 8
    # A short path: the platform's socket lies in it.
    place = cluster.stage.home / "guide"
    (place / "state").mkdir(parents=True, mode=0o700)
    (place / "state" / "cache").symlink_to(CACHE)
    (tmp_path / "helm").symlink_to(helm_programs() / "helm")
    script = "\n".join(["set -eu -o pipefail", f'cd "{place}"', *blocks])
    path = f"{Path(sys.executable).parent}:{tmp_path}:{os.environ['PATH']}"
    done = cluster.stage.run("bash", "-c", script, PATH=path, REGISTRY=cluster.registry)
    assert done.status == 0, done.stdout + done.stderr
    assert "PONG" in done.stdout
    assert "is workload `redis`, and the policy accepts it" in done.stdout
