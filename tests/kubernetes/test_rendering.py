"""Helm, Kustomize and `kubectl apply` get the same objects, and Helm changes nothing that was not meant to be."""

import json
import subprocess

import pytest
import yaml

from caisson.deploy import KubernetesOptions, helm_chart, kubernetes_objects, kustomize_base
from tests.helm import helm_programs
from tests.unit.deploy.golden import POD, kubernetes

FLAVOURS = kubernetes()


def write(files, directory):
    for file in files:
        (directory / file.name).parent.mkdir(exist_ok=True)
        (directory / file.name).write_text(file.text)
    return directory


def run(program, *words):
    command = [helm_programs() / program, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def objects(done):
    assert done.returncode == 0, done.stderr
    found = [each for each in yaml.safe_load_all(done.stdout) if each is not None]
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


@pytest.mark.parametrize("name", FLAVOURS)
def test_helm_and_kustomize_render_the_same(name, tmp_path):
    chart, base = tmp_path / "chart", tmp_path / "base"
    chart.mkdir()
    base.mkdir()
    write(helm_chart(*FLAVOURS[name]), chart)
    write(kustomize_base(*FLAVOURS[name]), base)
    expected = {(each["kind"], each["metadata"]["name"]): each for each in kubernetes_objects(*FLAVOURS[name])}
    assert objects(run("helm", "template", "release", chart)) == expected
    assert objects(run("kubectl", "kustomize", base)) == expected
    lint = run("helm", "lint", "--strict", chart)
    assert lint.returncode == 0, lint.stdout + lint.stderr


@pytest.fixture
def chart(tmp_path):
    return write(helm_chart(*FLAVOURS["intel-plain"]), tmp_path)


@pytest.mark.parametrize(
    "change",
    ["image=registry.example/redis:7.0", "replicas=0", "replicas=many", "keyServer=https://other", "image=null"],
)
def test_values_that_were_not_meant_are_refused(chart, change):
    assert run("helm", "template", "release", chart, "--set", change).returncode != 0


def test_another_digest_and_more_replicas_are_meant(chart):
    image = "registry.example/redis@sha256:" + "12" * 32
    found = objects(run("helm", "template", "release", chart, "--set", f"image={image}", "--set", "replicas=3"))
    spec = found["Deployment", "redis"]["spec"]
    assert spec["replicas"] == 3
    assert spec["template"]["spec"]["containers"][0]["image"] == image
    assert found["PodDisruptionBudget", "redis"]["spec"]["maxUnavailable"] == 1


def test_text_that_looks_like_a_template_is_none(tmp_path):
    from dataclasses import replace

    options = KubernetesOptions(flavour="nodevice")
    write(helm_chart(replace(POD, key_server="https://keys/{{.Values.image}}"), options), tmp_path)
    found = objects(run("helm", "template", "release", tmp_path))
    container = found["StatefulSet", "redis"]["spec"]["template"]["spec"]["containers"][0]
    assert container["env"][0]["value"] == "https://keys/{{.Values.image}}"


def test_helm_installs_the_chart_in_the_cluster_and_takes_it_away(cluster, chart):
    done = run("helm", "install", "release", chart)
    assert done.returncode == 0, done.stderr
    assert cluster.ask("get", "deployment", "redis")["spec"]["replicas"] == 1
    listed = json.loads(run("helm", "list", "--output", "json").stdout)
    assert [each["name"] for each in listed] == ["release"]
    assert run("helm", "uninstall", "release", "--wait").returncode == 0
    assert cluster.kubectl("get", "deployments,services,networkpolicies", "-l", "app.kubernetes.io/name=redis") == ""
