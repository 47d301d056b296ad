"""A web application and its database, both confidential, on a real cluster from the files that are generated."""

import contextlib
import ssl
import urllib.request

import pytest

from tests.kubernetes.cluster import eventually
from tests.kubernetes.fetch import WEB


@pytest.fixture(scope="module")
def web(cluster, redis, volume, tmp_path_factory):
    """Both deployed; give what `caisson up` said of the application."""
    found = cluster.prepare("web", "--recipe", WEB, "--publish", "8443")
    volume("redis", (999, 999))
    for name, image in (("redis", redis["image"]), ("web", found["image"])):
        files = cluster.write(
            "kubernetes",
            image,
            tmp_path_factory.mktemp(name),
            *("--flavour", "nodevice", "--platform-socket", cluster.stage.home / "platform.sock"),
            *("--key-server", redis["key_server"], *(("--egress", "6379") if name == "web" else ())),
        )
        cluster.kubectl("apply", "--filename", files / "kubernetes.yaml")
        cluster.wait_ready(f"app.kubernetes.io/name={name}")
    return found


def address(cluster):
    return cluster.ask("get", "service", "web")["spec"]["clusterIP"]


def visit(cluster, web):
    """Ask for the page until it counts: after a pod is ready, or ends, a proxy needs a moment to send elsewhere."""
    context = ssl.create_default_context(cafile=web["ca"])
    context.check_hostname = False  # its certificate names `web`, and we are outside of the cluster's names

    def answer():
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"https://{address(cluster)}:8443/", context=context, timeout=60) as said,
        ):
            return said.read().decode().strip()
        return None

    return eventually(answer)


def test_the_application_counts_in_its_database(cluster, web):
    assert [visit(cluster, web) for _ in range(2)] == ["visitor 1", "visitor 2"]


def test_the_application_proves_what_it_is(cluster, web):
    where = f"{address(cluster)}:8443"
    attested = cluster.stage.caisson("attest", where, "--policy", web["policy"], "--pcs", web["pcs"])
    assert attested.status == 0, attested.stderr


def test_the_application_comes_back_after_it_was_killed_and_goes_on_counting(cluster, web):
    selector = "app.kubernetes.io/name=web"
    before = cluster.ask("get", "pods", "--selector", selector)["items"][0]["status"]["containerStatuses"][0]
    cluster.stage.run("docker", "kill", "--signal", "KILL", before["containerID"].removeprefix("docker://"))

    def restarted():
        status = cluster.ask("get", "pods", "--selector", selector)["items"][0]["status"]["containerStatuses"][0]
        return status["restartCount"] > before["restartCount"] and status["ready"]

    eventually(restarted, lambda: cluster.kubectl("logs", "--selector", selector))
    assert visit(cluster, web) == "visitor 3"


def test_a_new_pod_replaces_the_old_one_and_goes_on_counting(cluster, web):
    cluster.kubectl("rollout", "restart", "deployment/web")
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert visit(cluster, web) == "visitor 4"
