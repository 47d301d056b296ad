"""Carrying out what an entry promises."""

import subprocess
from collections.abc import Callable

from caisson import catalog


def fault(step: catalog.Step, value: Callable[[str], str]) -> str | None:
    """Carry a step out; say what was wrong and what was printed, or give None."""
    filled = step.filled(value)
    done = subprocess.run(
        filled.command,
        input=filled.stdin,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", **filled.environment},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=step.timeout,
        check=False,
    )
    wrong = step.fault(done.returncode, done.stdout + done.stderr)
    return wrong and f"{step.name}: {wrong}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
