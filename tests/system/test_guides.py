"""The guides' commands are run as they are printed."""

import re
import sys
from pathlib import Path

from demo import CACHE
from demo.stage import Stage

GUIDES = Path(__file__).parent.parent.parent / "docs" / "guides"


def test_confidential_redis_step_by_step(tmp_path):
    """Each block of the guide, with the time a reader takes between two blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (GUIDES / "redis.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 8
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "cache").symlink_to(CACHE)
    script = "\n".join(
        [
            "set -eu -o pipefail",
            "trap 'kill $(jobs -p); wait' EXIT",
            f'cd "{tmp_path}"',
            f'export PATH="{Path(sys.executable).parent}:$PATH"',
            "docker network inspect bridge >/dev/null",
            *(f"{block}sleep 2" for block in blocks),
        ]
    )
    done = Stage(tmp_path / "home").run("bash", "-c", script)
    assert done.status == 0, done.stdout + done.stderr
    assert "PONG" in done.stdout
    assert "is workload `redis`, and the policy accepts it" in done.stdout
