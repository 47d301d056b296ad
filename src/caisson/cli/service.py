"""Programs that `caisson up` starts in the background and `caisson down` stops again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from caisson.errors import Unavailable

_STEP = 0.05
_READY = "ready "
_GRACE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A `caisson` command in the background; `directory` holds its log and who it is."""

    name: str
    directory: Path

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.directory / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.directory / f"{self.name}.pid"

    def running(self) -> bool:
        """Tell whether the process that was started is still the one that runs under its number."""
        return self._pid() is not None

    def _pid(self) -> int | None:
        try:
            pid, born = self._record.read_text().split()
            return int(pid) if _birth(int(pid)) == born else None
        except (OSError, ValueError):  # none, or only a part of one
            return None

    def addresses(self) -> tuple[str, ...]:
        """Give the addresses at which it said that it is ready."""
        lines = self.log.read_text(errors="replace").splitlines(keepends=True) if self.log.exists() else []
        # A line without an end is not written to its end.
        return tuple(
            line.strip().removeprefix(_READY) for line in lines if line.startswith(_READY) and line[-1] == "\n"
        )

    def start(self, arguments: list[str], *, addresses: int, timeout: float = 60.0) -> tuple[str, ...]:
        """Start `caisson ARGUMENTS…` unless it runs, wait until it is ready at so many addresses, and give them.

        Raises:
            Unavailable: it ended, or was not ready in time; its last words are in the message.
        """
        if not self.running():
            self._launch(arguments)
        deadline = time.monotonic() + timeout
        while len(self.addresses()) < addresses:
            if not self.running() or time.monotonic() > deadline:
                self.stop()
                raise Unavailable(f"the {self.name} did not start: {self._last_words()}", hint=f"see `{self.log}`")
            time.sleep(_STEP)
        return self.addresses()

    def _launch(self, arguments: list[str]) -> None:
        try:
            with self.log.open("wb") as log:
                process = subprocess.Popen(  # noqa: S603 - our own program, by this interpreter
                    [sys.executable, "-m", "caisson.cli", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as cause:
            raise Unavailable(f"the {self.name} cannot be started: {cause}", hint=f"see `{self.directory}`") from cause
        try:
            self._record.write_text(f"{process.pid} {_birth(process.pid)}")
        except OSError as cause:
            process.kill()  # nobody would find it again
            process.wait()
            raise Unavailable(f"the {self.name} cannot be started: {cause}", hint=f"see `{self.directory}`") from cause

    def stop(self) -> bool:
        """Stop it if it runs, first politely; tell whether it ran."""
        ran = self.running()
        for kind in (signal.SIGTERM, signal.SIGKILL):
            pid = self._pid()
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                os.kill(pid, kind)
            deadline = time.monotonic() + _GRACE
            while self.running() and time.monotonic() < deadline:
                time.sleep(_STEP)
        self._record.unlink(missing_ok=True)
        return ran

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _birth(pid: int) -> str | None:
    """Give a living process its start time (proc(5), stat, field 22): a later one of the same number has another."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, start = fields[0], fields[19]
    return None if state == "Z" else start
