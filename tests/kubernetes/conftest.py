"""One cluster, one registry, one home with a key server and a software platform, for all tests of a file."""

import contextlib
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from demo import CACHE
from demo.stage import Stage
from tests.kubernetes.cluster import Cluster, eventually, running

PORT = 5055
VOLUMES = """\
apiVersion: v1
kind: PersistentVolume
metadata: {{name: "{name}"}}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {{storage: 2Gi}}
  hostPath: {{path: "{path}", type: DirectoryOrCreate}}
"""


def listens():
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT)):
        return True
    return False


@pytest.fixture(scope="session")
def registry(tmp_path_factory):
    """A real registry on loopback, from which the node pulls."""
    directory = tmp_path_factory.mktemp("registry")
    configuration = directory / "config.yml"
    configuration.write_text(
        "version: 0.1\nlog: {level: warn}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory}/data}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: 127.0.0.1:{PORT}}}\n"
    )
    with running("docker-registry", "serve", str(configuration), log=directory / "log"):
        eventually(listens, (directory / "log").read_text)
        yield f"127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def cluster(registry):
    """The cluster; whatever a file's tests made in the namespace `default` is gone afterwards."""
    # A short path: the platform's socket lies in it, and a socket's path has at most 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="caisson-test-"))
    stage = Stage(home)
    (home / "cache").symlink_to(CACHE)
    found = Cluster(stage, registry, os.environ["NODE_ADDRESS"])
    try:
        yield found
    finally:
        kinds = "deployments,statefulsets,daemonsets,pods,services,persistentvolumeclaims,networkpolicies,configmaps"
        found.try_kubectl("delete", kinds, "--all", "--grace-period=1", "--timeout=60s")
        found.try_kubectl("delete", "persistentvolumes", "--all", "--timeout=20s")
        stage.caisson("down", "--all")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def volume(cluster):
    """Give the claims that follow a place on the node."""

    def make(name, owner):
        path = cluster.stage.home / "volumes" / name
        path.mkdir(parents=True)
        os.chown(path, *owner)
        cluster.kubectl("apply", "-f", "-", stdin=VOLUMES.format(name=name, path=path))

    return make


@pytest.fixture(scope="module")
def redis(cluster):
    """Redis's image in the registry, its workload and secrets on the key server; give what `caisson up` said."""
    return cluster.prepare("redis", "--publish", "6379")
