"""The image of Caisson itself in a cluster: the software platform as a DaemonSet, from generated files, unchanged."""

from dataclasses import replace
from pathlib import Path

import pytest

from caisson import catalog
from caisson.evidence import Policy, RootKey
from caisson.keyserver import KeyServerClient, Secret, Workload
from tests.kubernetes.cluster import eventually, python, running

PLATFORM = "caisson-software-platform"
STATE = f"/var/lib/{PLATFORM}/state"
KEY_SERVER_PORT = 8744
NO_VERDICT = 3


@pytest.fixture(scope="module")
def deployed(cluster, redis, volume, tmp_path_factory):
    """Apply what `caisson deploy kubernetes --platform-image` writes; give the platform's address for collateral."""
    volume("redis", (999, 999))
    image = f"{cluster.registry}/caisson:test"
    digest = cluster.stage.ask("image", f"docker://{image}")["digest"]
    files = cluster.write(
        *("kubernetes", redis["image"], tmp_path_factory.mktemp("files"), "--flavour", "nodevice"),
        *("--platform-socket", cluster.stage.home / "node" / "platform.sock"),
        *("--platform-image", f"{image}@{digest}", "--key-server", f"https://{cluster.address}:{KEY_SERVER_PORT}"),
    )
    cluster.kubectl("apply", "--filename", files / "kubernetes.yaml")
    cluster.wait_ready(f"app.kubernetes.io/name={PLATFORM}")
    address = cluster.ask("get", "service", PLATFORM)["spec"]["clusterIP"]
    return f"http://{address}:8701/sgx/certification/v4/"


@pytest.fixture(scope="module")
def policy(cluster, redis, deployed, tmp_path_factory):
    """The policy of `caisson up`, but for the platform: the node's, whose root the DaemonSet shows."""
    assert deployed
    words = ("/usr/bin/python3.11", "-IB", "-m", "caisson.cli", "platform", "root", "--state", STATE)
    root = cluster.kubectl("exec", f"daemonset/{PLATFORM}", "--", *words)
    before = Policy.parse(Path(redis["policy"]).read_bytes())
    path = tmp_path_factory.mktemp("policy") / "policy.toml"
    path.write_text(replace(before, roots=frozenset({RootKey.of_pem(root.encode())})).encode())
    return path


@pytest.fixture(scope="module")
def key_server(cluster, redis, deployed, policy, tmp_path_factory):
    """The home's key server, asked anew: it takes collateral from the cluster's platform, and its policy for Redis."""
    home = cluster.stage.home
    cluster.stage.succeed("down", "--all")
    address = f"{cluster.address}:{KEY_SERVER_PORT}"
    serve = ("keyserver", "serve", "--state", str(home / "keyserver"), "--listen", address, "--pcs", deployed)
    unseal = ("--unseal-key-file", str(home / "keyserver-unseal.key"))
    log = tmp_path_factory.mktemp("key-server") / "log"
    with running(*python("-m", "caisson.cli", *serve, *unseal), ready="ready https", log=log):
        url, token = f"https://{address}", Secret((home / "operator.token").read_bytes())
        with KeyServerClient.connect(url, ca=Path(redis["ca"]).read_text(), token=token) as client:
            document = catalog.load("redis").recipe.provision.workload(name="redis", policy=policy.read_text())
            client.set_workload(Workload.parse(document))
        yield url


@pytest.mark.usefixtures("key_server")
def test_redis_proves_itself_with_evidence_of_the_nodes_platform(cluster, deployed, policy):
    cluster.wait_ready("app.kubernetes.io/name=redis")
    address = cluster.ask("get", "service", "redis")["spec"]["clusterIP"]

    def verdict():
        """Ask; after a pod is ready a proxy needs a moment to send to it."""
        done = cluster.stage.caisson("attest", f"{address}:6379", "--policy", policy, "--pcs", deployed)
        return None if done.status == NO_VERDICT else done

    done = eventually(verdict)
    assert done.status == 0, done.stderr


@pytest.mark.usefixtures("key_server")
def test_the_policy_for_another_platform_does_not_accept_it(cluster, redis, deployed):
    address = cluster.ask("get", "service", "redis")["spec"]["clusterIP"]
    done = cluster.stage.caisson("attest", f"{address}:6379", "--policy", redis["policy"], "--pcs", deployed)
    assert done.status == 1
    assert "root" in done.stderr


def test_every_object_of_it_says_that_it_protects_nothing(cluster, deployed):
    assert deployed
    for kind in ("daemonset", "service"):
        annotations = cluster.ask("get", kind, PLATFORM)["metadata"]["annotations"]
        assert annotations["org.caisson/protects"] == "nothing"
