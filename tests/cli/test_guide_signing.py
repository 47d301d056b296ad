"""The guide on signing, run as it is printed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.softhsm import PIN

GUIDE = Path(__file__).parent.parent.parent / "docs" / "guides" / "signing.md"


def test_every_command_of_the_guide_on_signing_works(desk, token):  # noqa: ARG001 - a token configures SoftHSM
    """Three ways of signing with one key, and in the end one image."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 6
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", "\n".join(blocks)],
        cwd=desk,
        env={**os.environ, "PATH": path, "PIN": PIN, "SERVER": "ab" * 32},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exponent 65537, not RSA-3072 with exponent 3" in done.stderr
    index = json.loads((desk / "out" / "index.json").read_text())
    digests = {each["annotations"]["org.opencontainers.image.ref.name"]: each["digest"] for each in index["manifests"]}
    assert digests["by-file"] == digests["by-token"] == digests["detached"]
    assert len(set(digests.values())) == 3
