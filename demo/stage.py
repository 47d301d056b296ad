"""The stage: a home directory of its own, `caisson` as a user calls it, and what is said aloud."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUIET = 0.05


def say(text: str, seconds: float | None = None) -> None:
    """Say what happened, and how long it took."""
    print(f"  {text}" + (f"  ({seconds:.1f} s)" if seconds is not None and seconds > QUIET else ""), flush=True)


@contextmanager
def act(title: str) -> Iterator[None]:
    """Announce what comes next."""
    print(f"\n{title}", flush=True)
    yield


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything happens in `home`; the cache of root file systems is shared with other runs."""

    home: Path

    def run(self, *command: str | Path, **environment: str) -> Done:
        """Run a program to its end."""
        start = time.monotonic()
        done = subprocess.run(
            [str(word) for word in command],
            env={**os.environ, "CAISSON_HOME": str(self.home), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - start)

    def caisson(self, *arguments: str | Path) -> Done:
        """Run `caisson`."""
        return self.run(sys.executable, "-m", "caisson.cli", *arguments)

    def succeed(self, *arguments: str | Path) -> Done:
        """Run `caisson`, which must succeed."""
        done = self.caisson(*arguments)
        if done.status:
            words = " ".join(str(word) for word in arguments)
            raise SystemExit(f"error: `caisson {words}` ended with {done.status}\n{done.stdout}{done.stderr}")
        return done

    def ask(self, *arguments: str | Path) -> Any:
        """Run `caisson … --json`, which must succeed, and give its answer."""
        return json.loads(self.succeed(*arguments, "--json").stdout)
