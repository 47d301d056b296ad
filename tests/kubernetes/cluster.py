"""What tests ask of the cluster of scripts/with-kubernetes."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.stage import Stage

PATIENCE = 90.0


@dataclass(frozen=True)
class Cluster:
    """A Kubernetes that runs, a registry that its node pulls from, and a stage with `caisson`."""

    stage: Stage
    registry: str
    address: str

    def kubectl(self, *words, stdin=None):
        """Run `kubectl`, which must succeed; give its output."""
        done = self.try_kubectl(*words, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, words))}\n{done.stdout}{done.stderr}"
        return done.stdout

    def try_kubectl(self, *words, stdin=None):
        return subprocess.run(
            ["kubectl", *map(str, words)], input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def ask(self, *words):
        return json.loads(self.kubectl(*words, "-o", "json"))

    def wait_ready(self, selector):
        """Wait until the pods of a selector are ready; give the first one's name."""

        def ready():
            pods = self.ask("get", "pods", "--selector", selector)["items"]
            return pods and all(
                each.get("ready") for pod in pods for each in pod["status"].get("containerStatuses", [{}])
            )

        def why():
            logs = self.try_kubectl("logs", "--selector", selector, "--all-containers", "--tail=20").stdout
            return self.kubectl("get", "events") + self.kubectl("get", "pods", "-o", "wide") + logs

        eventually(ready, why)
        return self.ask("get", "pods", "--selector", selector)["items"][0]["metadata"]["name"]

    def prepare(self, name, *options):
        """Put an image into the registry, its workload and secrets on the key server; give what `caisson up` said."""
        up = self.stage.ask("up", name, *options)
        self.stage.succeed("down", name, "--volumes")
        image = f"docker://{self.registry}/{name}:1.0"
        self.stage.succeed("copy", up["image"], image, "--force")
        return up | {"image": image, "container_image": up["image"]}

    def write(self, kind, image, directory, *options):
        """Let `caisson deploy` write files."""
        self.stage.succeed("deploy", kind, image, "--output", directory, *options)
        return directory


def eventually(check, why=lambda: "", *, seconds=PATIENCE):
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, why()
        time.sleep(0.2)
    return found


@contextmanager
def running(*command, ready=None, log: Path):
    """Run a program beside the test, from when it says `ready` on."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ)
    try:
        if ready is not None:
            eventually(lambda: ready in log.read_text() or process.poll() is not None)
            assert process.poll() is None, log.read_text()
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def python(*words):
    """Give a command line of this interpreter."""
    return (sys.executable, *words)
