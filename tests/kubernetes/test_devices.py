"""Devices reach the containers that ask for them, and no others: another device stands in for SGX's."""

import json
import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from caisson.deploy import (
    Deployment,
    HostAesmd,
    ImagePin,
    KubernetesOptions,
    MeasuredImage,
    SidecarAesmd,
    kubernetes_manifest,
)
from caisson.oci import Digest
from tests.helm import helm_programs
from tests.kubernetes.cluster import eventually, python, running

EPC = 4 << 30
FUSE = (10, 229)  # not among those that an engine gives every container


@pytest.fixture(scope="module")
def node(cluster, tmp_path_factory):
    """A node with the device plugin, and so much page cache as Intel's would find."""
    directory = tmp_path_factory.mktemp("device")
    stand_in = directory / "stand-in"
    os.mknod(stand_in, stat.S_IFCHR | 0o666, os.makedev(*FUSE))
    stand_in.chmod(0o666)
    (directory / "aesmd").mkdir()
    plugin = python("-m", "tests.kubernetes.device_plugin", str(stand_in))
    with running(*plugin, ready="registered", log=directory / "log"):
        resources = f'{{"status": {{"capacity": {{"sgx.intel.com/epc": "{EPC}"}}}}}}'
        kubectl = (helm_programs() / "kubectl", "patch", "node", "node", "--subresource=status", "--patch", resources)
        subprocess.run(kubectl, check=True, capture_output=True)

        def known():
            found = cluster.ask("get", "node", "node")["status"]["allocatable"]
            return found.get("sgx.intel.com/enclave") == "20" and found.get("sgx.intel.com/epc") == str(EPC)

        eventually(known, lambda: cluster.kubectl("describe", "node", "node"))
        yield directory


@pytest.fixture(scope="module")
def image(cluster, tmp_path_factory):
    """A program that tries to open the devices, in the place of a confidential image for SGX."""
    directory = tmp_path_factory.mktemp("image")
    source = Path(__file__).with_name("open.c")
    subprocess.run(["gcc", "-static", "-O2", "-o", directory / "open", source], check=True)
    entry = '["/open", "/dev/sgx_enclave", "/dev/sgx_provision"]'
    # aesmd's probe asks whether its socket is there: this one's `test` says no, and nobody waits for it.
    (directory / "Dockerfile").write_text(f"FROM scratch\nCOPY open /open\nENTRYPOINT {entry}\n")
    name = f"{cluster.registry}/open"
    subprocess.run(["docker", "build", "--tag", f"{name}:1", directory], check=True, capture_output=True)
    subprocess.run(["docker", "push", f"{name}:1"], check=True, capture_output=True)
    inspect = ["docker", "image", "inspect", "--format", "{{index .RepoDigests 0}}", f"{name}:1"]
    digest = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip().partition("@")[2]
    return MeasuredImage(
        pin=ImagePin(repository=name, digest=Digest.parse(digest)),
        workload="open",
        runtime="gramine",
        uid=101,
        gid=102,
        tmpfs=(),
        volumes=(),
        ports=(),
        enclave_size=1 << 30,
    )


@pytest.fixture
def apply(cluster, image, node):
    """Apply what is generated for a flavour, unchanged."""

    def make(name, flavour, evidence=None, **changes):
        deployment = Deployment(
            image=replace(image, **changes),
            name=name,
            key_server="https://keys.example:8443",
            evidence=evidence or HostAesmd(directory=str(node / "aesmd")),
        )
        files = kubernetes_manifest(deployment, KubernetesOptions(flavour=flavour))
        cluster.kubectl("apply", "--filename", "-", stdin=files[0].text)
        return f"app.kubernetes.io/name={name}"

    yield make
    cluster.kubectl("delete", "deployments", "--all", "--timeout=60s")


def said(cluster, selector, container):
    """Wait for what a container says."""

    def logs():
        done = cluster.try_kubectl("logs", "--selector", selector, "--container", container)
        return done.returncode == 0 and done.stdout.count("\n") == 2 and done.stdout.splitlines()

    return eventually(logs, lambda: cluster.kubectl("describe", "pods", "--selector", selector))


def test_the_program_opens_the_enclave_device_and_has_no_other(cluster, apply):
    selector = apply("plain", "intel-plain")
    assert said(cluster, selector, "plain") == [
        "/dev/sgx_enclave: opened",
        "/dev/sgx_provision: No such file or directory",
    ]


def test_beside_the_program_only_aesmd_opens_the_provision_device(cluster, apply, image):
    evidence = SidecarAesmd(image=image.pin, pccs_url="https://pccs.example:8081/sgx/certification/v4/")
    selector = apply("beside", "sidecar", evidence)
    assert said(cluster, selector, "beside") == [
        "/dev/sgx_enclave: opened",
        "/dev/sgx_provision: No such file or directory",
    ]
    assert said(cluster, selector, "aesmd") == ["/dev/sgx_enclave: opened", "/dev/sgx_provision: opened"]


def test_a_device_that_is_only_mounted_does_not_open(cluster, image, node):
    volume = {"name": "d", "hostPath": {"path": str(node / "stand-in"), "type": "CharDevice"}}
    container = {
        "name": "main",
        "image": str(image.pin),
        "volumeMounts": [{"name": "d", "mountPath": "/dev/sgx_enclave"}],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "mounted", "labels": {"app.kubernetes.io/name": "mounted"}},
        "spec": {"containers": [container], "volumes": [volume]},
    }
    cluster.kubectl("apply", "--filename", "-", stdin=json.dumps(pod))
    lines = said(cluster, "app.kubernetes.io/name=mounted", "main")
    assert lines[0] == "/dev/sgx_enclave: Operation not permitted"


def test_a_pod_whose_enclave_fits_on_no_node_is_not_started(cluster, apply):
    selector = apply("large", "intel-plain", enclave_size=EPC + 1)

    def waits():
        events = cluster.kubectl("describe", "pods", "--selector", selector)
        return "Insufficient sgx.intel.com/epc" in events

    eventually(waits)
    assert cluster.ask("get", "pods", "--selector", selector)["items"][0]["status"]["phase"] == "Pending"


@pytest.mark.usefixtures("node")
def test_the_doctor_sees_what_pods_can_ask_for(cluster):
    told = cluster.stage.ask("doctor", "--for", "kubernetes")
    found = {each["id"]: (each["status"], each["seen"]) for each in told["checks"]}
    assert found["D70"] == ("ok", "Kubernetes v1.20.2, 1 node")
    assert found["D72"] == ("ok", "no DaemonSet of a known name, but nodes have `sgx.intel.com/enclave`")
    assert found["D73"] == ("ok", "1 node with SGX: node")
    assert found["D74"] == ("ok", "at most 4 GiB on one node")
    assert found["D75"][0] == "warning"
