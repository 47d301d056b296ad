"""A Podman of one's own: its storage lies in one directory, and it asks for nothing that a container's root lacks."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CDI = Path("/run/cdi")

CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
"""

# Limits on the command line replace those of the configuration.
PROGRAM = """\
#!/bin/sh
export CONTAINERS_CONF={own}/containers.conf
if [ "$1" = run ]; then shift; set -- run --ulimit nofile=20000:20000 --ulimit nproc=32768:32768 "$@"; fi
exec {real} {places} "$@"
"""


@contextmanager
def podman(directory: Path) -> Iterator[dict[str, str]]:
    """Give an environment whose `podman` keeps to a directory, whose path must be short; afterwards nothing runs."""
    real = shutil.which("podman")
    assert real is not None, "install Debian's package podman"
    own = directory / "podman"
    program = own / "bin" / "podman"
    program.parent.mkdir(parents=True)
    (own / "cdi").mkdir()
    (own / "containers.conf").write_text(CONFIGURATION)
    places = f"--root {own}/s --runroot {own}/r --tmpdir {own}/t"
    program.write_text(PROGRAM.format(own=own, real=real, places=places))
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    # Podman 4 looks for CDI's files in no other place.
    CDI.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", own / "cdi", CDI], check=True)
    try:
        yield environment
    finally:
        subprocess.run(["umount", CDI], check=True)
        subprocess.run([program, "rm", "--all", "--force", "--time", "0"], check=True, capture_output=True)
