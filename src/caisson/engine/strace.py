"""Running a program once in namespaces of its own, under strace, which writes down every file that is opened."""

import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from caisson.errors import Unavailable

_TOOLS = {"strace": "strace", "unshare": "util-linux", "mount": "util-linux"}
_MOST = 256 << 20
# What a container engine would give: /proc, /sys and /dev, tmpfs where the manifest wants them, and a socket.
_ROOM = """
set -e
mount -t proc proc "$ROOT/proc"
mount --rbind /sys "$ROOT/sys"
mount --rbind /dev "$ROOT/dev"
{mounts}
cd "$ROOT"
exec strace -f -qq -s 0 -o "$LOG" -e trace=open,openat,openat2,execve,execveat \
  -e signal=none chroot "$ROOT" "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a run left: strace's log, the program's own output, and its exit status; None if it was still running."""

    log: str
    output: str
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """An unpacked image: `tmpfs` and `bound` (path on the host by path inside) are mounted in it."""

    root: Path
    tmpfs: tuple[str, ...] = ()
    bound: Mapping[str, Path] | None = None

    def record(
        self, command: tuple[str, ...], environment: Mapping[str, str], *, seconds: float, log: Path
    ) -> Recording:
        """Run a command for at most so long, then end it and everything it has started.

        Raises:
            Unavailable: a tool is missing, or namespaces cannot be made.
        """
        for tool, package in _TOOLS.items():
            if shutil.which(tool) is None:
                raise Unavailable(f"`{tool}` is not installed", hint=f"apt-get install {package}")
        for name in ("proc", "sys", "dev"):
            (self.root / name).mkdir(exist_ok=True)
        script = _ROOM.format(mounts="\n".join(self._mounts()))
        process = subprocess.Popen(  # noqa: S603 - our own script; paths are quoted
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", script, "bash", *command],  # noqa: S607
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "ROOT": str(self.root), "LOG": str(log), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        with process:
            try:
                output, _ = process.communicate(timeout=seconds)
                status: int | None = process.returncode
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
                status = None
        if not log.exists():
            raise Unavailable(
                f"the program could not be traced: {output.decode(errors='replace').strip()[-300:]}",
                hint="tracing needs root, to make namespaces",
            )
        with log.open("rb") as file:
            raw = file.read(_MOST)
        return Recording(log=raw.decode(errors="replace"), output=output.decode(errors="replace"), status=status)

    def _mounts(self) -> list[str]:
        lines = []
        for path in self.tmpfs:
            where = shlex.quote(f"{self.root}{path}")
            lines.append(f"mkdir -p {where} && mount -t tmpfs -o mode=1777 tmpfs {where}")
        for path, source in (self.bound or {}).items():
            where = shlex.quote(f"{self.root}{path}")
            lines.append(
                f"mkdir -p $(dirname {where}) && touch {where} && mount --bind {shlex.quote(str(source))} {where}"
            )
        return lines
