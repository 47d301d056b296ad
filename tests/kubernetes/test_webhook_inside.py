"""The admission webhook in the cluster: from the image that `caisson image` makes, and beside a private registry."""

import base64
import shutil
from pathlib import Path

import pytest

from tests.kubernetes.admission import attempt, build, namespaces, pod, refused, write_policy
from tests.kubernetes.cluster import eventually
from tests.system.registries import PASSWORD, USER, RealRegistry, guard, write_auth

SYSTEM = ("--namespace", "caisson-system")
NOBODY = "failed calling webhook"


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("private")


@pytest.fixture(scope="module")
def private(cluster, directory):
    """A registry with a password, over TLS, at an address that is the same for the node and for pods."""
    options, root = guard(directory, cluster.address)
    registry = RealRegistry(directory, address=cluster.address, name=cluster.address, **options)
    registry.start()
    trusted = Path("/etc/docker/certs.d", registry.host)
    trusted.mkdir()
    shutil.copy(root, trusted / "ca.crt")
    write_auth(directory / "config.json", registry.host)
    yield registry
    registry.stop()
    shutil.rmtree(trusted)


@pytest.fixture(scope="module")
def image(cluster, redis, private, directory):
    """Redis's verified image in the private registry."""
    name = f"{private.host}/redis:1.0"
    cluster.stage.succeed("copy", redis["image"], f"docker://{name}", "--auth-file", directory / "config.json")
    return name


@pytest.fixture(scope="module")
def installed(cluster, redis, private, directory):
    """Apply what `caisson webhook install` prints, unchanged; give that."""
    name = f"{private.host}/caisson:test"
    made = cluster.stage.ask("image", f"docker://{name}", "--auth-file", directory / "config.json")
    files = cluster.stage.succeed(
        *("webhook", "install", "--policy", write_policy(redis, directory), "--flavour", "nodevice"),
        *("--key-server", redis["key_server"], "--platform-socket", cluster.stage.home / "platform.sock"),
        *("--image", f"{name}@{made['digest']}", "--tls-ca", directory / "tls.crt", "--registry-secret", "registry"),
    ).stdout
    cluster.kubectl("create", "namespace", "caisson-system")
    with namespaces(cluster):
        for namespace in ("caisson-system", "watched"):
            credentials = ("--from-file", f".dockerconfigjson={directory / 'config.json'}")
            kind = ("--type", "kubernetes.io/dockerconfigjson")
            cluster.kubectl("create", "secret", "generic", "registry", "--namespace", namespace, *kind, *credentials)
        pull = '{"imagePullSecrets": [{"name": "registry"}]}'
        cluster.kubectl("patch", "serviceaccount", "default", "--namespace", "watched", "--patch", pull)
        cluster.kubectl("apply", "--filename", "-", stdin=files)
        wait_until_it_answers(cluster)
        yield files


def wait_until_it_answers(cluster):
    done = cluster.try_kubectl("rollout", "status", "deployment/caisson-webhook", *SYSTEM, "--timeout=85s")
    if done.returncode:
        pods = cluster.try_kubectl("describe", "pods", *SYSTEM).stdout
        raise AssertionError(pods + cluster.try_kubectl("logs", "deployment/caisson-webhook", *SYSTEM).stdout)

    def reached():
        """After its pods are ready a proxy needs a moment to send to them."""
        return NOBODY not in attempt(cluster, pod("nowhere", "127.0.0.1:9/redis:1.0"), "--dry-run=server").stderr

    eventually(reached)


@pytest.mark.usefixtures("installed")
def test_a_verified_image_is_admitted_and_pinned_and_activates(cluster, redis, image):
    done = attempt(cluster, pod("good", image))
    assert done.returncode == 0, done.stderr
    found = cluster.ask("get", "pod", "good", "--namespace", "watched")
    container = found["spec"]["containers"][0]
    assert container["image"].startswith(f"{image.removesuffix(':1.0')}@sha256:")
    assert {"name": "CAISSON_KEY_SERVER", "value": redis["key_server"]} in container["env"]

    def activated():
        records = cluster.stage.ask("audit", "list", "--kind", "activation-released")["records"]
        return len(records) > 1  # the first was that of `caisson up`

    eventually(activated, lambda: cluster.kubectl("describe", "pod", "good", "--namespace", "watched"))


@pytest.mark.usefixtures("installed")
def test_a_changed_image_is_refused_and_the_change_is_named(cluster, redis, private, directory):
    dockerfile = f"FROM {redis['container_image']}\nENV LD_PRELOAD=/evil.so\n"
    changed = build(f"{private.host}/changed:1", dockerfile, "--config", str(directory))
    refused(cluster, pod("changed", changed), "image was changed", "LD_PRELOAD")


@pytest.mark.usefixtures("installed")
def test_a_plain_image_is_refused(cluster, private, directory):
    plain = build(f"{private.host}/plain:1", "FROM caisson-pause:local\nLABEL a=b\n", "--config", str(directory))
    refused(cluster, pod("plain", plain), "no confidential image")


@pytest.mark.usefixtures("installed")
def test_a_registry_that_only_the_node_reaches_gives_no_verdict_and_no_pod(cluster, redis):
    refused(cluster, pod("elsewhere", redis["image"].removeprefix("docker://")), "no verdict")


def test_the_password_is_in_nothing_that_was_applied_and_in_nothing_that_it_says(cluster, installed):
    logs = cluster.kubectl("logs", "--selector", "app.kubernetes.io/name=caisson-webhook", "--tail=-1", *SYSTEM)
    assert "pod in 'watched'" in logs
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for text in (installed, logs):
        assert PASSWORD not in text
        assert auth not in text


@pytest.mark.usefixtures("installed")
def test_while_its_pods_are_gone_nothing_gets_in_where_it_is_asked_and_all_else_works(cluster, image):
    scale = ("scale", "deployment/caisson-webhook", *SYSTEM)
    cluster.kubectl(*scale, "--replicas=0")
    eventually(lambda: not cluster.ask("get", "pods", *SYSTEM)["items"])
    refused(cluster, pod("gone", image), NOBODY)
    assert attempt(cluster, pod("free", "caisson-pause:local"), namespace="free").returncode == 0
    cluster.kubectl(*scale, "--replicas=2")
    wait_until_it_answers(cluster)
    done = attempt(cluster, pod("again", image))
    assert done.returncode == 0, done.stderr
