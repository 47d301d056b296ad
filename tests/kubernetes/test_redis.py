"""Redis on a real cluster, from the files that `caisson deploy kubernetes` writes, unchanged."""

import pytest

from tests.kubernetes.cluster import eventually

pytestmark = pytest.mark.usefixtures("deployed")

SELECTOR = "app.kubernetes.io/name=redis"


@pytest.fixture(scope="module")
def deployed(cluster, redis, volume, tmp_path_factory):
    volume("redis", (999, 999))
    files = cluster.write(
        "kubernetes",
        redis["image"],
        tmp_path_factory.mktemp("files"),
        *("--flavour", "nodevice", "--platform-socket", cluster.stage.home / "platform.sock"),
        *("--key-server", redis["key_server"]),
    )
    cluster.kubectl("apply", "--filename", files / "kubernetes.yaml")
    cluster.wait_ready(SELECTOR)
    return redis


@pytest.fixture
def address(cluster):
    service = cluster.ask("get", "service", "redis")
    return service["spec"]["clusterIP"]


def answer(cluster, deployed, address, *words):
    password = cluster.stage.succeed("secret", "get", "redis-password", "--reveal").stdout.strip()
    client = ("redis-cli", "--tls", "--cacert", deployed["ca"], "--sni", "redis", "-h", address)

    def reached():
        """Ask; after a pod is ready a proxy needs a moment to send to it."""
        done = cluster.stage.run(*client, *words, REDISCLI_AUTH=password)
        return None if "Could not connect" in done.stderr else (done.stdout.strip() or done.stderr)

    return eventually(reached)


def test_it_answers_through_its_service_with_the_secret_of_the_key_server(cluster, deployed, address):
    assert answer(cluster, deployed, address, "PING") == "PONG"


def test_it_proves_what_it_is_through_the_service(cluster, deployed, address):
    attested = cluster.stage.caisson(
        "attest", f"{address}:6379", "--policy", deployed["policy"], "--pcs", deployed["pcs"]
    )
    assert attested.status == 0, attested.stderr


def test_it_comes_back_with_its_data_after_it_was_killed(cluster, deployed, address):
    assert answer(cluster, deployed, address, "SET", "kept", "yes") == "OK"
    assert answer(cluster, deployed, address, "SAVE") == "OK"
    container = cluster.ask("get", "pods", "--selector", SELECTOR)["items"][0]["status"]["containerStatuses"][0]
    cluster.stage.run("docker", "kill", "--signal", "KILL", container["containerID"].removeprefix("docker://"))

    def restarted():
        status = cluster.ask("get", "pods", "--selector", SELECTOR)["items"][0]["status"]["containerStatuses"][0]
        return status["restartCount"] > container["restartCount"] and status["ready"]

    eventually(restarted, lambda: cluster.kubectl("describe", "pods") + cluster.kubectl("logs", "redis-0"))
    assert answer(cluster, deployed, address, "GET", "kept") == "yes"


def test_each_start_was_an_activation_in_the_audit_log(cluster):
    records = cluster.stage.ask("audit", "list", "--kind", "activation-released")["records"]
    container = cluster.ask("get", "pods", "--selector", SELECTOR)["items"][0]["status"]["containerStatuses"][0]
    assert container["restartCount"] >= 1
    assert len(records) == 1 + 1 + container["restartCount"], records  # `caisson up`, the pod, and it again


def test_no_object_in_the_cluster_holds_the_secret(cluster):
    password = cluster.stage.succeed("secret", "get", "redis-password", "--reveal").stdout.strip()
    assert password not in cluster.kubectl("get", "all,secrets,configmaps", "--all-namespaces", "-o", "yaml")


def test_the_pod_has_no_token_of_the_api(cluster):
    pod = cluster.ask("get", "pods", "--selector", SELECTOR)["items"][0]
    paths = [each["mountPath"] for each in pod["spec"]["containers"][0]["volumeMounts"]]
    assert paths
    assert not any("serviceaccount" in path for path in paths)


def test_afterwards_the_cluster_has_nothing_of_it(cluster):
    kinds = "statefulsets,services,networkpolicies,pods,serviceaccounts"
    cluster.kubectl("delete", kinds, "--selector", SELECTOR, "--wait=false")
    # A kubelet of this version can take minutes for a pod.
    eventually(lambda: cluster.kubectl("get", kinds, "--selector", SELECTOR) == "", seconds=240)
