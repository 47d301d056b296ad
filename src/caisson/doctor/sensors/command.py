"""Programs of others, asked about themselves: bounded in time and size."""

import subprocess

from caisson.errors import Unavailable

_PATIENCE = 20
_MOST_TEXT = 64 << 20


def run(*words: str, given: bytes | None = None) -> str:
    """Run a program, which reads what it is given; give what it printed.

    Raises:
        Unavailable: it is not there, takes too long, prints too much, or fails.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a program that the user has, by name
            words, input=given or b"", capture_output=True, timeout=_PATIENCE, check=False
        )
    except FileNotFoundError as cause:
        raise Unavailable(f"there is no `{words[0]}` here") from cause
    except (OSError, subprocess.SubprocessError) as cause:
        raise Unavailable(f"`{words[0]}` cannot be asked: {cause}") from cause
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it says nothing"]
        raise Unavailable(f"`{words[0]}` fails: {lines[-1][:300]}")
    if len(done.stdout) > _MOST_TEXT:
        raise Unavailable(f"`{words[0]}` says more than {_MOST_TEXT} bytes")
    return done.stdout.decode(errors="replace")
