"""A Swarm of two SGX nodes, from generated stacks: devices, placement, a rolling update, a killed task, a liar.

scripts/with-docker --swarm python -m tests.system.deploy.swarm_story
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from caisson.deploy import Deployment, Publish, SgxDevices, stack
from caisson.oci import Digest
from tests.system.deploy import probing
from tests.system.deploy.probing import run

PATIENCE = 120
PORT = 18080
ADDRESSES = ("10.77.0.1", "10.77.0.2")
NODES = tuple(os.environ[name].removeprefix("unix://") for name in ("DOCKER_HOST", "DOCKER_HOST_2"))


@dataclass(frozen=True)
class Swarm:
    """The stage: a directory for files, and a deployment of the probe."""

    directory: Path
    deployment: Deployment

    def deploy(self, name: str, *, image: Digest | None = None, enclave: int = 512 << 20, **changes) -> None:
        """Write a stack, and deploy it as it is."""
        measured = replace(self.deployment.image, enclave_size=enclave)
        if image is not None:
            measured = replace(measured, pin=replace(measured.pin, digest=image))
        found = replace(self.deployment, image=measured, name=name, **changes)
        probing.write(stack(found), self.directory / name)
        file = self.directory / name / "stack.yaml"
        run("docker", "stack", "deploy", "--resolve-image", "never", "--compose-file", file, name)

    def tasks(self, name: str) -> list[tuple[str, str, str]]:
        """Give node, state and complaint of each task that shall run."""
        form = "{{.Node}}|{{.CurrentState}}|{{.Error}}"
        lines = run(
            *("docker", "service", "ps", "--no-trunc", "--filter", "desired-state=running", "--format", form),
            f"{name}_{name}",
        )
        return [tuple(line.split("|")) for line in lines.splitlines()]

    def running(self, name: str) -> list[str]:
        """Give the nodes of the tasks that run."""
        return sorted(node for node, state, _ in self.tasks(name) if state.startswith("Running"))

    def remove(self, name: str) -> None:
        """Take a stack away, and wait until its tasks are gone.

        Its network stays while a task is on its way out, and Docker does not ask again by itself.
        """
        until(lambda: not subprocess.run(["docker", "stack", "rm", name], capture_output=True, check=False).returncode)
        for node in NODES:
            until(
                lambda node=node: not run("docker", "--host", f"unix://{node}", "ps", "-q", "--filter", f"name={name}")
            )


def until(holds: Callable[[], Any]) -> Any:
    """Wait until something holds, and give it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it never came about: {run('docker', 'node', 'ps', 'self', 'second', '--no-trunc')}")
        time.sleep(0.2)
    return found


def answers(address: str) -> str:
    """Give the version that answers, or nothing."""
    with suppress(OSError), urlopen(f"http://{address}:{PORT}/", timeout=5) as answer:
        return answer.read().decode().strip()
    return ""


def devices(swarm: Swarm) -> None:
    """Each task on each node gets the device, its group, no capability and no new privileges."""
    swarm.deploy("three", replicas=3, publish=())
    until(lambda: len(swarm.running("three")) == 3)
    assert set(swarm.running("three")) == {"first", "second"}, swarm.tasks("three")
    logs = ("docker", "service", "logs", "--raw", "three_three")

    def all_said() -> list[str] | None:
        """A task runs before its program has said a word."""
        lines = run(*logs).splitlines()
        return lines if len(lines) == 3 else None

    for line in until(all_said):
        probing.require_least_privilege(json.loads(line))
    swarm.remove("three")


def placement(swarm: Swarm) -> None:
    """A task goes where page cache is left, and nowhere if there is none."""
    swarm.deploy("large", enclave=2 << 30, publish=())
    until(lambda: swarm.running("large") == ["first"])
    swarm.deploy("huge", enclave=4 << 30, publish=())
    until(lambda: any("insufficient resources" in error for _, _, error in swarm.tasks("huge")))
    assert swarm.running("huge") == []
    swarm.remove("huge")
    swarm.remove("large")


def a_liar(image: Digest) -> None:
    """A container that claims a reservation gets what the host lets everybody in the group open, and no more."""
    lies = ("DOCKER_RESOURCE_SGX_EPC=/dev/mem", "DOCKER_RESOURCE_SGX_PROVISION=1", "DOCKER_RESOURCE_MEM=1")
    options = [word for lie in lies for word in ("--env", lie)]
    for name, more, enclave in (("honest", (), "no such file or directory"), ("liar", options, "opened")):
        run("docker", "run", "--detach", "--name", name, *more, str(image))
        found = probing.told(lambda name=name: run("docker", "logs", name))
        assert found["enclave"] == enclave, found
        assert found["provision"] == found["other"] == "no such file or directory", found
        run("docker", "rm", "--force", name)


def rolling_update(swarm: Swarm, new: Digest) -> None:
    """One task after the other becomes the new version; somebody answers at all times."""
    publish = (Publish(container_port=8080, host_port=PORT),)
    swarm.deploy("web", replicas=2, publish=publish)
    until(lambda: [answers(address) for address in ADDRESSES] == ["1", "1"])
    swarm.deploy("web", replicas=2, publish=publish, image=new)
    silent, deadline = 0, time.monotonic() + PATIENCE
    while (found := [answers(address) for address in ADDRESSES]) != ["2", "2"]:
        # They were asked one after the other: in between, the first may have come back and the second gone.
        silent += not any(found) and not answers(ADDRESSES[0])
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    assert silent == 0
    # Until then a task that fails would make Swarm go back to the old version, as the stack asks it to.
    state = ("docker", "service", "inspect", "--format", "{{.UpdateStatus.State}}", "web_web")
    until(lambda: run(*state).strip() == "completed")


def a_killed_task(swarm: Swarm) -> None:
    """A task whose process is killed is replaced."""
    (old,) = run("docker", "ps", "--quiet", "--filter", "name=web_web").split()
    run("kill", "-9", run("docker", "inspect", "--format", "{{.State.Pid}}", old).strip())
    until(lambda: answers(ADDRESSES[0]) == "2" and old not in run("docker", "ps", "--quiet"))
    swarm.remove("web")


def main() -> None:
    """Tell it."""
    directory = Path(tempfile.mkdtemp(prefix="caisson-swarm-"))
    try:
        probe = probing.archive(directory)
        images = [probing.load(probe, "docker", version=version) for version in ("1", "2")]
        for image in images:  # an image of one's own has another identifier each time it is made
            run("docker", "save", "--output", directory / "image.tar", str(image))
            run("docker", "--host", f"unix://{NODES[1]}", "load", "--input", directory / "image.tar")
        with probing.aesmd(directory / "aesmd"):
            tell(directory, *images)
    finally:
        shutil.rmtree(directory)


def tell(directory: Path, one: Digest, two: Digest) -> None:
    """Tell one chapter after the other."""
    swarm = Swarm(directory, replace(probing.deployment(one, directory), devices=SgxDevices(), publish=()))
    start = time.monotonic()
    for title, chapter in (
        ("devices", lambda: devices(swarm)),
        ("placement", lambda: placement(swarm)),
        ("a liar", lambda: a_liar(one)),
        ("a rolling update", lambda: rolling_update(swarm, two)),
        ("a killed task", lambda: a_killed_task(swarm)),
    ):
        chapter()
        print(f"{title}: as it must be ({time.monotonic() - start:.0f} s)", flush=True)  # noqa: T201 - a story is told


if __name__ == "__main__":
    main()
