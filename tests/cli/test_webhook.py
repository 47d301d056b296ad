"""`caisson webhook` refuses what it could not do, and prints what a cluster needs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from caisson.admission import ServingCertificate
from caisson.cli.app import run

POLICY = """\
version = 1
runtimes = ["gramine"]
allow_debug = false
key_servers = []
allow_unpinned = false
products = []
"""
NEEDS = ("--key-server", "https://keys.example:8443")
IMAGE = "registry.example/caisson@sha256:" + "01" * 32


@dataclass(frozen=True)
class Done:
    status: int
    stdout: str
    stderr: str


@pytest.fixture
def caisson(capfd):
    def call(*words):
        status = run(words)
        captured = capfd.readouterr()
        return Done(status, captured.out, captured.err)

    return call


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return str(path)


def test_it_prints_what_a_cluster_needs(caisson, policy):
    done = caisson("webhook", "install", "--policy", policy, "--flavour", "aks", *NEEDS, "--image", IMAGE)
    assert done.status == 0, done.stderr
    assert "kind: MutatingWebhookConfiguration" in done.stdout
    assert "kind: ValidatingWebhookConfiguration" in done.stdout
    assert done.stdout.count("failurePolicy: Fail") == 4


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--flavour", "aks"), "say where the webhook runs"),
        (("--flavour", "aks", "--url", "https://x", "--image", IMAGE), "say where the webhook runs"),
        (("--flavour", "sidecar", "--image", IMAGE), "adds no containers"),
        (("--flavour", "nodevice", "--image", IMAGE), "software platform"),
        (("--flavour", "aks", "--platform-socket", "/p", "--image", IMAGE), "software platform"),
        (("--flavour", "aks", "--image", "registry.example/caisson:1"), "sha256"),
        (("--flavour", "aks", "--url", "https://x", "--registry-secret", "r"), "outside of the cluster"),
        (("--flavour", "aks", "--url", "https://x", "--tls-ca", __file__), "outside of the cluster"),
        (("--flavour", "aks", "--image", IMAGE, "--registry-secret", "No_Name"), "no name of a Secret"),
        (("--flavour", "aks", "--image", IMAGE, "--tls-ca", __file__), "no certificates"),
        (("--flavour", "aks", "--image", IMAGE, "--registry", "https://registry.example"), "is no registry"),
        (("--flavour", "aks", "--image", IMAGE, "--registry", "team"), "is no registry"),
    ],
)
def test_what_it_could_not_do_is_refused(caisson, policy, words, reason):
    done = caisson("webhook", "install", "--policy", policy, *NEEDS, *words)
    assert done.status == 2
    assert reason in done.stderr


def test_the_registries_that_may_be_asked_reach_the_webhook(caisson, policy):
    asked = ("--registry", "registry.example/team", "--registry", "docker.io")
    done = caisson("webhook", "install", "--policy", policy, "--flavour", "aks", *NEEDS, "--image", IMAGE, *asked)
    (made,) = (each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "Deployment")
    arguments = made["spec"]["template"]["spec"]["containers"][0]["args"]
    at = arguments.index("--registry")
    assert tuple(arguments[at : at + 4]) == asked


@pytest.mark.parametrize(
    ("words", "bounds"),
    [((), (str(8 << 30), "600")), (("--largest-image", "20G", "--slowest-image", "60"), (str(20 << 30), "60"))],
)
def test_what_an_image_may_cost_reaches_the_webhook(caisson, policy, words, bounds):
    done = caisson("webhook", "install", "--policy", policy, "--flavour", "aks", *NEEDS, "--image", IMAGE, *words)
    (made,) = (each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "Deployment")
    arguments = made["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[-4:] == ["--largest-image", bounds[0], "--slowest-image", bounds[1]]


def test_of_a_file_with_authorities_only_the_certificates_are_printed(caisson, policy, tmp_path):
    made = ServingCertificate.issue(("registry.example",), at=datetime.now(UTC), lifetime=timedelta(days=1))
    key = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (tmp_path / "ca.pem").write_text(f"{made.authority_pem}{key}{made.authority_pem}")
    words = ("--flavour", "aks", *NEEDS, "--image", IMAGE, "--tls-ca", str(tmp_path / "ca.pem"))
    done = caisson("webhook", "install", "--policy", policy, *words)
    assert done.status == 0, done.stderr
    (settings,) = (each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "ConfigMap")
    assert settings["data"]["registry-ca.pem"] == made.authority_pem * 2
    assert "PRIVATE KEY" not in done.stdout


def test_a_policy_that_is_none_is_refused_before_anything_is_written(caisson, tmp_path):
    (tmp_path / "p").write_text("version = 1\n")
    done = caisson("webhook", "install", "--policy", str(tmp_path / "p"), "--flavour", "aks", *NEEDS, "--image", IMAGE)
    assert done.status != 0
    assert done.stdout == ""
    assert f"`{tmp_path / 'p'}`: " in done.stderr


def test_without_a_certificate_nothing_is_served(caisson, policy):
    done = caisson("webhook", "serve", "--policy", policy, "--flavour", "aks", *NEEDS)
    assert done.status == 2
    assert "a certificate is needed" in done.stderr
