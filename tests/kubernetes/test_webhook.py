"""The admission webhook on a real cluster: what is verified gets in with all it needs, all else stays outside."""

import base64
import json

import pytest
import yaml

from tests.kubernetes.admission import attempt, build, namespaces, pod, refused, write_policy
from tests.kubernetes.cluster import eventually, python, running

PORT = 9443


@pytest.fixture(scope="module")
def policy(redis, tmp_path_factory):
    return write_policy(redis, tmp_path_factory.mktemp("policy"))


@pytest.fixture(scope="module")
def installed(cluster, redis, policy):
    """Apply what `caisson webhook install` prints; give the webhook's command line."""
    needs = (
        *("--policy", str(policy), "--flavour", "nodevice", "--key-server", redis["key_server"]),
        *("--platform-socket", str(cluster.stage.home / "platform.sock")),
    )
    url = f"https://{cluster.address}:{PORT}"
    files = cluster.stage.succeed("webhook", "install", *needs, "--url", url).stdout
    cluster.kubectl("apply", "--filename", "-", stdin=files)

    def secret():
        account = cluster.ask("get", "serviceaccount", "caisson-webhook", "--namespace", "caisson-system")
        return account.get("secrets")

    name = eventually(secret)[0]["name"]
    found = cluster.ask("get", "secret", name, "--namespace", "caisson-system")["data"]
    token, authority = policy.with_name("token"), policy.with_name("ca.crt")
    token.write_bytes(base64.b64decode(found["token"]))
    authority.write_bytes(base64.b64decode(found["ca.crt"]))
    server = cluster.kubectl("config", "view", "--output", "jsonpath={.clusters[0].cluster.server}")
    with namespaces(cluster):
        yield python(
            *("-m", "caisson.cli", "webhook", "serve", "--listen", f"{cluster.address}:{PORT}", *needs),
            *("--name", cluster.address, "--api-server", server),
            *("--api-server-ca", str(authority), "--token-file", str(token)),
        )


@pytest.fixture
def webhook(installed, tmp_path):
    with running(*installed, ready="ready https", log=tmp_path / "log") as process:
        yield process


@pytest.mark.usefixtures("webhook")
def test_a_verified_image_is_admitted_pinned_and_completed_and_activates(cluster, redis):
    image = redis["image"].removeprefix("docker://")
    assert attempt(cluster, pod("good", image)).returncode == 0
    found = cluster.ask("get", "pod", "good", "--namespace", "watched")
    container = found["spec"]["containers"][0]
    assert container["image"].startswith(f"{cluster.registry}/redis@sha256:")
    assert {"name": "CAISSON_KEY_SERVER", "value": redis["key_server"]} in container["env"]
    assert container["securityContext"]["runAsUser"] == 999
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert "/run/caisson/platform.sock" in [each["mountPath"] for each in container["volumeMounts"]]
    assert found["metadata"]["annotations"]["org.caisson/admitted"] == container["image"].partition("@")[2]

    def activated():
        records = cluster.stage.ask("audit", "list", "--kind", "activation-released")["records"]
        return len(records) > 1  # the first was that of `caisson up`

    eventually(activated, lambda: cluster.kubectl("logs", "good", "--namespace", "watched"))


@pytest.mark.usefixtures("webhook")
def test_a_pod_may_ask_for_verification_itself(cluster, redis):
    document = yaml.safe_load(pod("asked", redis["image"].removeprefix("docker://")))
    document["metadata"]["labels"] = {"org.caisson/admission": "enforced"}
    assert attempt(cluster, json.dumps(document), namespace="free").returncode == 0
    image = cluster.ask("get", "pod", "asked", "--namespace", "free")["spec"]["containers"][0]["image"]
    assert "@sha256:" in image


@pytest.mark.usefixtures("webhook")
def test_a_changed_image_is_refused_and_the_change_is_named(cluster, redis):
    image = build(f"{cluster.registry}/changed:1", f"FROM {redis['container_image']}\nENV LD_PRELOAD=/evil.so\n")
    refused(cluster, pod("changed", image), "image was changed", "LD_PRELOAD")


@pytest.mark.usefixtures("webhook")
def test_a_plain_image_is_refused(cluster):
    image = build(f"{cluster.registry}/plain:1", "FROM caisson-pause:local\nLABEL org.caisson.tmpfs=/run\n")
    refused(cluster, pod("plain", image), "no confidential image")


@pytest.mark.usefixtures("webhook")
def test_another_signers_image_is_refused(cluster, redis, tmp_path):
    cluster.stage.succeed("key", "generate", "--output", tmp_path / "other.pem")
    image = f"{cluster.registry}/other:1"
    cluster.stage.succeed(
        *("build", "--from", redis["image"], "--key", tmp_path / "other.pem", f"docker://{image}"),
    )
    refused(cluster, pod("other", image), "the signer", "is not accepted")


@pytest.mark.usefixtures("webhook")
def test_an_image_that_is_not_there_is_refused(cluster):
    refused(cluster, pod("missing", f"{cluster.registry}/redis:never"), "has no")


@pytest.mark.usefixtures("webhook")
def test_a_command_that_goes_around_premain_is_refused(cluster, redis):
    image = redis["image"].removeprefix("docker://")
    refused(cluster, pod("around", image, command=["/usr/bin/redis-server"]), "would not start premain")


@pytest.mark.usefixtures("webhook")
def test_a_pod_that_runs_cannot_be_given_another_image(cluster, redis):
    image = redis["image"].removeprefix("docker://")
    assert attempt(cluster, pod("swapped", image)).returncode == 0
    swap = ("set", "image", "pod/swapped", f"main={cluster.registry}/plain:1", "--namespace", "watched")
    done = cluster.try_kubectl(*swap)
    assert done.returncode != 0
    assert "not pinned" in done.stderr


@pytest.mark.usefixtures("webhook")
def test_a_registry_that_does_not_answer_gives_no_verdict_and_no_pod(cluster):
    refused(cluster, pod("nowhere", "127.0.0.1:9/redis:1.0"), "no verdict")


@pytest.mark.usefixtures("webhook")
def test_other_namespaces_are_left_alone(cluster):
    assert attempt(cluster, pod("any", "caisson-pause:local"), namespace="free").returncode == 0


@pytest.mark.usefixtures("installed")
def test_while_the_webhook_is_down_nothing_gets_in_where_it_is_asked_and_all_else_works(cluster, redis):
    refused(cluster, pod("down", redis["image"].removeprefix("docker://")), "failed calling webhook")
    assert attempt(cluster, pod("free", "caisson-pause:local"), namespace="free").returncode == 0


def test_a_webhook_that_starts_anew_is_trusted_beside_the_one_before(cluster, redis, installed, tmp_path):
    for number in range(2):
        with running(*installed, ready="ready https", log=tmp_path / f"log{number}"):
            image = redis["image"].removeprefix("docker://")
            assert attempt(cluster, pod(f"again{number}", image)).returncode == 0
    found = cluster.ask("get", "mutatingwebhookconfiguration", "caisson-webhook")["webhooks"][0]
    assert base64.b64decode(found["clientConfig"]["caBundle"]).count(b"BEGIN CERTIFICATE") >= 2
