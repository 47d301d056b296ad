"""Root file systems out of Debian's packages, by mmdebstrap: minimal, and the same twice on one day's mirror."""

import json
import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

from caisson.conversion.recipe_source import DebianSource
from caisson.errors import Unavailable

EPOCH = "1577836800"  # 2020-01-01: all files are dated no later, so that a build's date leaves no trace
_HOOKS = "/usr/share/mmdebstrap/hooks/merged-usr"
# What dpkg would note of each package on installing it; kept as in distroless images, for bills of materials.
_NOTE = """
mkdir -p "$1/var/lib/dpkg/status.d"
for deb in $MMDEBSTRAP_ESSENTIAL; do
    test -e "$1$deb" && deb="$1$deb"
    name=$(dpkg-deb --field "$deb" Package)
    dpkg-deb --field "$deb" Package Version Architecture Source >"$1/var/lib/dpkg/status.d/$name"
done
"""
_MOST_WORDS = 3
_LEFT_OUT = ("doc", "man", "locale", "info", "i18n", "lintian", "bug")


def build_rootfs(source: DebianSource, cache: Path) -> Path:
    """Give a tar archive with the packages unpacked, built anew only if `cache` does not have it.

    Raises:
        Unavailable: mmdebstrap is missing, or fails.
    """
    command = _command(source)
    key = sha256(json.dumps(command).encode()).hexdigest()[:16]
    archive = cache / f"debian-{source.suite}-{key}.tar"
    if archive.exists():
        return archive
    if shutil.which(command[0]) is None:
        raise Unavailable("`mmdebstrap` is not installed", hint="apt-get install mmdebstrap")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        unfinished = Path(scratch) / "rootfs.tar"
        run = subprocess.run(  # noqa: S603 - fixed options; suite and packages match strict patterns
            [*command, source.suite, str(unfinished)],
            env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "TMPDIR": scratch},
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise Unavailable(
                f"`mmdebstrap` failed: {_why(run.stderr)}", hint="is the Debian mirror within reach, and are you root?"
            )
        unfinished.replace(archive)
    return archive


def _why(said: str) -> str:
    """Give what mmdebstrap and apt call errors and warnings, the first of which is the cause, or the last words."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith(("E:", "W:"))]
    return " / ".join(dict.fromkeys(causes[:_MOST_WORDS] or lines[-_MOST_WORDS:]))


def _command(source: DebianSource) -> list[str]:
    return [
        "mmdebstrap",
        "--variant=extract",
        f"--hook-dir={_HOOKS}",
        f"--extract-hook={_NOTE}",
        f"--include={','.join(('usr-is-merged', *source.packages))}",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT),
    ]
