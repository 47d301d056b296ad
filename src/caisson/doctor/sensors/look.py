"""The program `look`, run on this machine: CPU registers and devices as a process sees them."""

import os
import subprocess
from collections.abc import Iterable

from pydantic import TypeAdapter, ValidationError

from caisson.conversion import look as program
from caisson.doctor.readings import Sight, Unread
from caisson.errors import CaissonError, Malformed

_ADAPTER: TypeAdapter[Sight] = TypeAdapter(Sight)
_PATIENCE = 10


def parse_sight(line: str) -> Sight:
    """Read what the program printed.

    Raises:
        Malformed: that is not what it prints.
    """
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError as cause:
        raise Malformed("what `look` printed is not what it prints") from cause


def look(paths: Iterable[str]) -> Sight | Unread:
    """Run it here, from memory: where packages are installed, nothing has to be executable."""
    try:
        descriptor = os.memfd_create("caisson-look")
        try:
            os.write(descriptor, program())
            done = subprocess.run(  # noqa: S603 - our own program
                [f"/proc/self/fd/{descriptor}", *paths],
                pass_fds=(descriptor,),
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                check=False,
            )
        finally:
            os.close(descriptor)
        if done.returncode:
            return Unread(unread=f"`look` ended with status {done.returncode}: {done.stderr.strip()[:200]}")
        return parse_sight(done.stdout)
    except (CaissonError, OSError, subprocess.SubprocessError) as error:
        return Unread(unread=f"`look` did not run: {error}")
