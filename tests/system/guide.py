"""Guides are run as they are printed: block after block, as by a reader who looks at `docker ps` first."""

import re
import shutil
import sys
from pathlib import Path

from demo import CACHE
from demo.stage import Done, Stage

GUIDES = Path(__file__).parent.parent.parent / "docs" / "guides"
SCRIPTS = GUIDES.parent.parent / "scripts"
# An engine says for a while that a program runs which was killed; a container starts until its program answers.
GO_ON = """\
sleep 2
until docker ps --quiet | xargs -r docker inspect --format '/proc/{{.State.Pid}}/exe' | xargs -r readlink >/dev/null &&
    ! docker ps --format '{{.Status}}' | grep -E 'Restarting|health: starting' >/dev/null
do sleep 0.5; done
"""


def follow(name: str, directory: Path, *, wrapper: tuple[str, ...] = (), before: str = "", **words: str) -> Done:
    """Run every block of a guide in a directory, after a line of ours; it must succeed.

    `words` are put in the place of others.
    """
    blocks = re.findall(r"^```sh\n(.*?)^```$", (GUIDES / f"{name}.md").read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    (directory / "state").mkdir(mode=0o700)
    (directory / "state" / "cache").symlink_to(CACHE)
    script = "\n".join(
        [
            "set -eu -o pipefail",
            "trap 'kill $(jobs -p) 2>/dev/null || :; wait' EXIT",
            f'cd "{directory}"',
            f'export PATH="{Path(sys.executable).parent}:$PATH"',
            "docker network inspect bridge >/dev/null",
            before,
            *(f"{block}{GO_ON}" for block in blocks),
        ]
    )
    for word, other in words.items():
        assert word in script
        script = script.replace(word, other)
    done = Stage(directory / "home").run(*wrapper, "bash", "-c", script)
    assert done.status == 0, done.stdout + done.stderr
    return done


def copy_example(name: str, directory: Path) -> None:
    """Give a guide the files that it asks its reader to copy."""
    shutil.copytree(GUIDES / name, directory / name)
