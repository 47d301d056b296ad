"""First what needs the network, then, with a Docker engine at hand, the story."""

import os
import sys
from pathlib import Path

from demo import fetch

WRAPPER = Path(__file__).parent.parent / "scripts" / "with-docker"

fetch.fetch("redis")
os.execv(WRAPPER, [str(WRAPPER), sys.executable, "-m", "demo.story"])
