"""The same program beside its confidential container, started plainly: what is left is what Caisson adds."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.stage import Stage
from tests.catalog.running import Running

_GIVEN = "/run/caisson"
_PORTS = 20000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A container with the same image, user, volumes and limits, whose program is started directly."""

    name: str
    port: int

    @classmethod
    @contextmanager
    def beside(cls, running: Running, directory: Path) -> Iterator["Plain"]:
        """Make it, and take it away."""
        name = f"{running.name}-plain"
        pid = running.pid()
        # Read-write, and with the same owners: it stands for the temporary file system.
        shutil.copytree(f"/proc/{pid}/root{_GIVEN}", directory, ignore=shutil.ignore_patterns("*.sock"))
        for path in (directory, *directory.rglob("*")):
            status = Path(f"/proc/{pid}/root{_GIVEN}", path.relative_to(directory)).stat()
            os.chown(path, status.st_uid, status.st_gid)
        docker(running.stage, *cls._create(running, name, directory))
        try:
            docker(running.stage, "stop", running.name)
            yield cls(name=name, port=running.entry.recipe.ports[0] + _PORTS)
        finally:
            docker(running.stage, "rm", "--force", name)

    @staticmethod
    def _create(running: Running, name: str, directory: Path) -> Iterator[str]:
        said = running.stage.ask("inspect", running.up["image"])["confidential"]
        host, config = running.inspect("HostConfig"), running.inspect("Config")
        yield from ("create", "--name", name, "--read-only", "--cap-drop", "ALL", "--no-healthcheck")
        yield from ("--network", host["NetworkMode"], "--volumes-from", running.name)
        yield from (word for option in host["SecurityOpt"] for word in ("--security-opt", option))
        yield from ("--user", config["User"], "--volume", f"{directory}:{_GIVEN}")
        for path, options in host["Tmpfs"].items():
            if path != _GIVEN:
                yield from ("--tmpfs", f"{path}:{options}")
        for port in running.entry.recipe.ports:
            yield from ("--publish", f"127.0.0.1:{port + _PORTS}:{port}")
        for variable in environment(running.pid()) or [f"{key}={value}" for key, value in said["environment"].items()]:
            yield from ("--env", variable)
        # The arguments are those of premain: its own name, the program's real path, then the words that started it.
        _, _, program, *rest = said["argv"]
        yield from ("--entrypoint", program, running.up["image"], *rest)


def environment(pid: int) -> list[str]:
    """Give what a program was started with; nothing, where it has written its title over it."""
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return [each for each in variables if re.match(r"[A-Z]\w*=", each)]


def docker(stage: Stage, *words: str) -> str:
    """Run `docker`, which must succeed, and give what it prints."""
    done = stage.run("docker", *words)
    if done.status:
        raise SystemExit(f"error: `docker {' '.join(words)}`: {done.stderr}")
    return done.stdout.strip()
