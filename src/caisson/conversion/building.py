"""The build stage of a recipe: sources and compilers in, the program's files out; compilers never reach the image."""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from hashlib import sha256
from pathlib import Path

from caisson.conversion.debian import EPOCH, build_rootfs
from caisson.conversion.recipe_source import BuildStage, DebianSource
from caisson.errors import Unavailable, UsageError

_SOURCES = "src"
_RESULT = "out"
_VERSION = 1  # of how a stage is carried out: part of what its result is remembered by
_TOOLS = ("coreutils", "dash")  # what a command is written with
_LINKS = {"sh": "dash", "cc": "gcc", "c++": "g++"}  # which maintainer scripts would make
_LAST_LINES, _MOST_WIDTH = 8, 200


def build_stage(stage: BuildStage, suite: str, cache: Path) -> Path:
    """Give the directory of files that a stage makes, carried out only if `cache` does not have it.

    The commands run as root in a root file system of their own, out of the stage's packages: without network, with the
    recipe's files in `/src`, and with a date of their own. What they put below `/out` is the result.

    Raises:
        Unavailable: the tools are missing, or this is not root.
        UsageError: a command fails, or nothing was made.
    """
    key = sha256(json.dumps([_VERSION, suite, stage.model_dump(mode="json")], sort_keys=True).encode()).hexdigest()[:16]
    result = cache / f"built-{suite}-{key}"
    if result.exists():
        return result
    archive = build_rootfs(DebianSource(suite=suite, packages=(*_TOOLS, *stage.packages)), cache)
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or unshare is None:
        raise Unavailable("a build stage needs root and `unshare`", hint="run it as root, with util-linux installed")
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        root = Path(scratch) / "root"
        _unpack(archive, root)
        _put_sources(stage, root)
        for command in stage.commands:
            _run(unshare, command, root)
        made = root / _RESULT
        if not any(made.iterdir()):
            raise UsageError("the recipe's build stage made nothing", hint="let its commands write below `/out`")
        made.replace(result)
    return result


def _unpack(archive: Path, root: Path) -> None:
    root.mkdir(mode=0o755)
    with tarfile.open(archive) as packed:
        # An attribute, as the argument of that name is unknown to Debian's own Python 3.11.2.
        packed.extraction_filter = _everything
        packed.extractall(root)  # noqa: S202 - mmdebstrap's own: devices and owners are wanted
    for name in (_SOURCES, _RESULT, "tmp", "proc"):
        (root / name).mkdir(mode=0o755, exist_ok=True)
    for link, program in _LINKS.items():
        if (root / "usr/bin" / program).exists() and not (root / "usr/bin" / link).is_symlink():
            (root / "usr/bin" / link).symlink_to(program)


def _everything(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    return member


def _put_sources(stage: BuildStage, root: Path) -> None:
    for name, text in stage.files.items():
        file = root / _SOURCES / name
        file.write_text(text)
        file.chmod(0o644)


def _run(unshare: str, command: tuple[str, ...], root: Path) -> None:
    """Run one command in namespaces of its own; it ends with everything that it started."""
    done = subprocess.run(  # noqa: S603 - the recipe's author says what is run, inside the root file system
        [
            *(unshare, "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child"),
            *("--mount-proc", f"--root={root}", f"--wd=/{_SOURCES}"),
            *command,
        ],
        env={
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/tmp",  # noqa: S108 - inside the root file system
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "SOURCE_DATE_EPOCH": EPOCH,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        umask=0o022,
    )
    if done.returncode:
        words = [line[:_MOST_WIDTH] for line in done.stdout.strip().splitlines() if line][-_LAST_LINES:]
        raise UsageError(
            f"the recipe's build stage failed: `{' '.join(command)}` ended with {done.returncode}",
            hint=" / ".join(words) or "it said nothing",
        )
