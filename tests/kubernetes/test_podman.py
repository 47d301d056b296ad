"""`podman kube play` takes the same file, as far as it goes: Podman 4 makes a volume on disk of a pod's memory."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.kubernetes.cluster import eventually
from tests.kubernetes.fetch import WEB
from tests.system.deploy.podman import CONFIGURATION
from tests.system.deploy.probing import run


@pytest.fixture(scope="module")
def podman(registry):
    """Podman with its storage in a directory of its own, whose path must be short; it trusts the registry."""
    with tempfile.TemporaryDirectory(prefix="cp-") as directory:
        own = Path(directory)
        (own / "containers.conf").write_text(CONFIGURATION)
        (own / "registries.conf").write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
        environment = {
            **os.environ,
            "CONTAINERS_CONF": str(own / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(own / "registries.conf"),
        }
        places = ("--root", own / "s", "--runroot", own / "r", "--tmpdir", own / "t")

        def call(*words):
            return run("podman", *places, *words, env=environment)

        try:
            yield call
        finally:
            call("pod", "rm", "--all", "--force", "--time", "0")


def test_podman_starts_the_pod_and_the_guest_agent_refuses_to_put_secrets_on_a_disk(cluster, podman, tmp_path):
    web = cluster.prepare("web", "--recipe", WEB, "--publish", "8443")
    files = cluster.write(
        "kubernetes",
        web["image"],
        tmp_path,
        *("--flavour", "nodevice", "--platform-socket", cluster.stage.home / "platform.sock"),
        *("--key-server", web["key_server"]),
    )
    before = cluster.stage.ask("audit", "list")["records"]
    podman("kube", "play", files / "kubernetes.yaml")
    names = podman("ps", "--all", "--format", "{{.Names}} {{.IsInfra}}").splitlines()
    name = next(each.split()[0] for each in names if each.endswith(" false"))
    inspect = ("inspect", "--format", "{{.State.ExitCode}} {{.HostConfig.ReadonlyRootfs}}", name)
    eventually(lambda: podman(*inspect).split() == ["81", "true"], lambda: podman(*inspect))
    podman("stop", "--time", "0", name)
    assert cluster.stage.ask("audit", "list")["records"] == before
