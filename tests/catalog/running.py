"""One entry that runs, as `caisson up` brought it up: asked, stopped and started as a user would."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pytest

from caisson import catalog
from caisson.conversion import companion
from caisson.keyserver import KeyServerClient, Secret, Workload
from demo import CACHE
from demo.stage import Stage
from tests.canary import image_contents
from tests.catalog.conformance import fault
from tests.catalog.supplied import source

# Where the first port is: below those that the kernel gives to clients. A connection of one of these, and what is left
# of it for a minute, would keep the port from whoever stops and starts.
PLACE = 20_000


@dataclass
class Running:
    """One entry that runs. `up` is what `caisson up --json` said."""

    stage: Stage
    entry: catalog.Entry
    promises: catalog.Conformance
    up: dict[str, Any]
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return str(self.up["container"])

    @cached_property
    def secrets(self) -> dict[str, str]:
        # Keys are bytes, and nothing shows them.
        names = [one.name for one in self.entry.recipe.provision.secret if one.kind == "password"]
        return {name: self.stage.succeed("secret", "get", name, "--reveal").stdout.strip() for name in names}

    def value(self, name: str) -> str:
        """Give what a placeholder of a step stands for."""
        kind, _, of = name.partition(":")
        host, _, port = str(self.up["address"]).rpartition(":")
        match kind:
            case "secret":
                return self.secrets[of or self.entry.recipe.provision.secret[0].name]
            case "port" if of:
                return self.stage.run("docker", "port", self.name, f"{of}/tcp").stdout.split()[0].rpartition(":")[2]
            case "port":
                return port
            case "host":
                return host
            case "pid":
                return str(self.pid())
            case _:
                return str(self.up[kind])

    def carry_out(self, steps: Iterable[catalog.Step]) -> None:
        faults = [wrong for step in steps if (wrong := fault(step, self.value)) is not None]
        if faults:
            pytest.fail("\n\n".join([*faults, self.logs()]), pytrace=False)

    def carry_load(self) -> None:
        """Carry some of the load: whether it is carried, not how fast."""
        self.carry_out([self.promises.load.part(of=20)])

    def logs(self) -> str:
        done = self.stage.run("docker", "logs", "--tail", "60", self.name)
        return done.stdout + done.stderr

    def inspect(self, member: str) -> Any:
        return json.loads(self.stage.run("docker", "inspect", self.name).stdout)[0][member]

    def pid(self) -> int:
        return int(self.inspect("State")["Pid"])

    def image_contents(self) -> Iterator[tuple[str, bytes]]:
        yield from image_contents(self.stage, self.up["image"], self.stage.home)

    def refused(self, policy: str) -> bool:
        """Ask for the secrets under another policy, with the very image that runs; tell whether it gets none."""
        other = f"{self.name}-refused"
        document = self.entry.recipe.provision.workload(name=other, policy=policy, pcs=self.up["pcs"])
        token = Secret((self.stage.home / "operator.token").read_bytes())
        with KeyServerClient.connect(self.up["key_server"], ca=Path(self.up["ca"]).read_text(), token=token) as server:
            server.set_workload(Workload.parse(document))
        done = self.stage.caisson(
            *("run", self.up["image"], "--name", other, "--workload", other, "--key-server", self.up["key_server"])
        )
        return done.status == 1 and "policy" in done.stderr

    def beside(self, name: str) -> Self:
        """Give what runs beside it, as if it had been brought up by itself."""
        (wanted,) = (one for one in self.entry.recipe.beside if one.entry == name)
        entry = catalog.load(name)
        recipe = companion(self.entry.recipe, wanted, entry.recipe.taken_from(upstream=False))
        (up,) = (one for one in self.up["beside"] if one["workload"] == recipe.name)
        own = {**self.up, "beside": [], **up}
        return replace(self, entry=replace(entry, recipe=recipe), promises=entry.conformance(), up=own)

    def start(self) -> None:
        """Bring it up once more. Its first port stays where it was: some programs know their own address."""
        self.up = bring_up(self.stage, self.entry, place=int(self.value("port")), options=self.options)

    def wait_until_healthy(self) -> None:
        """Wait until the engine's own health check finds it well: all its processes are there, and answer."""
        deadline = time.monotonic() + 60
        while (state := self.inspect("State")["Health"]["Status"]) != "healthy":
            assert time.monotonic() < deadline, f"{state}\n{self.logs()}"
            time.sleep(0.5)

    def stop(self) -> tuple[int, float]:
        """Stop it as an engine does; give its exit status and how many seconds it took."""
        done = self.stage.run("docker", "stop", "--time", "30", self.name)
        assert done.status == 0, done.stderr
        state = self.stage.run("docker", "inspect", "--format", "{{.State.ExitCode}}", self.name).stdout
        return int(state), done.seconds


def bring_up(stage: Stage, entry: catalog.Entry, *, place: int, options: tuple[str, ...] = ()) -> dict[str, Any]:
    """Bring an entry up; its first port is at `place` on the host, the others are anywhere."""
    first, *others = entry.recipe.ports
    publish = [word for port in (f"{place}:{first}", *others) for word in ("--publish", str(port))]
    given = source(entry.recipe.name)
    options = options if given is None else (*options, "--source", given)
    if given is not None and entry.recipe.source.image is not None:
        options = (*options, "--upstream")
    done = stage.caisson("up", entry.recipe.name, *publish, *options, "--json")
    if done.status:
        pytest.fail(f"`caisson up` ended with {done.status}\n{done.stderr}", pytrace=False)
    up: dict[str, Any] = json.loads(done.stdout)
    return up


@contextmanager
def brought_up(name: str, *, place: int = PLACE, gramine: Path | None = None) -> Iterator[Running]:
    """Bring an entry up in a home of its own, give it, and clear all away. `gramine` is the prefix of a Gramine."""
    entry = catalog.load(name)
    # A short path: the platform's socket lies in it, and a socket's path has at most 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="caisson-test-"))
    stage = Stage(home)
    (home / "cache").symlink_to(CACHE)
    options = () if gramine is None else ("--runtime", "gramine")
    try:
        if gramine is not None:
            stage.succeed("runtime", "add", "--prefix", str(gramine))
        up = bring_up(stage, entry, place=place, options=options)
        yield Running(stage, entry, entry.conformance(), up, options)
    finally:
        stage.caisson("down", name, f"caisson-{name}", "--all", "--volumes")
        shutil.rmtree(home, ignore_errors=True)
