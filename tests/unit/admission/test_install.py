"""What `caisson webhook install` writes: valid, fail-closed, and with few rights."""

from dataclasses import replace
from pathlib import PurePosixPath

import kubernetes_validate
import pytest
import yaml

from caisson.admission import Installation, installation_files
from tests.pod_security import restricted
from tests.unit.deploy.golden import CAISSON
from tests.unit.deploy.kubernetes.test_objects import LAST_FOUR

INSIDE = Installation(namespace="caisson-system", policy="version = 1\n", arguments=("--flavour", "aks"), image=CAISSON)
PRIVATE = replace(INSIDE, tls_ca="authorities", registry_secret="registry")
OUTSIDE = Installation(namespace="caisson-system", policy="version = 1\n", url="https://10.0.0.1:9443/")


def objects(installation):
    return list(yaml.safe_load_all(installation_files(installation)[0].text))


@pytest.mark.parametrize("release", LAST_FOUR)
@pytest.mark.parametrize("installation", [INSIDE, PRIVATE, OUTSIDE])
def test_objects_are_valid_for_the_last_four_releases(installation, release):
    for each in objects(installation):
        assert kubernetes_validate.validate(each, release, strict=True) == release


@pytest.mark.parametrize("installation", [INSIDE, PRIVATE, OUTSIDE])
def test_a_webhook_that_does_not_answer_lets_nothing_in(installation):
    webhooks = [webhook for each in objects(installation) for webhook in each.get("webhooks", ())]
    assert len(webhooks) == 4
    for webhook in webhooks:
        assert webhook["failurePolicy"] == "Fail"
        assert webhook["sideEffects"] == "None"
        assert webhook["timeoutSeconds"] <= 30
        assert "org.caisson/admission" in str(webhook.get("namespaceSelector"))


def test_its_account_may_change_its_own_configurations_and_nothing_else():
    (role,) = (each for each in objects(INSIDE) if each["kind"] == "ClusterRole")
    (rule,) = role["rules"]
    assert rule["resourceNames"] == ["caisson-webhook"]
    assert rule["verbs"] == ["get", "patch"]


def pod_of(installation):
    (deployment,) = (each for each in objects(installation) if each["kind"] == "Deployment")
    return deployment["spec"]["template"]["spec"]


@pytest.mark.parametrize("installation", [INSIDE, PRIVATE])
def test_its_pod_satisfies_pod_security_restricted(installation):
    assert list(restricted(pod_of(installation))) == []


@pytest.mark.parametrize("installation", [INSIDE, PRIVATE])
def test_each_file_that_it_is_told_of_lies_in_a_volume_that_it_only_reads(installation):
    pod = pod_of(installation)
    (container,) = pod["containers"]
    (settings,) = (each for each in objects(installation) if each["kind"] == "ConfigMap")
    contents = {"policy": set(settings["data"]), "registry": {"config.json"}}
    mounts = {each["mountPath"]: each for each in container["volumeMounts"]}
    files = [PurePosixPath(each) for each in container["args"] if each.startswith("/etc/")]
    assert len(files) == (3 if installation is PRIVATE else 1)
    for file in files:
        mount = mounts[str(file.parent)]
        assert mount["readOnly"]
        assert mount["name"] in {each["name"] for each in pod["volumes"]}
        assert file.name in contents[mount["name"]]


def test_credentials_for_registries_are_those_of_a_secret_that_is_there():
    pod = pod_of(PRIVATE)
    items = [{"key": ".dockerconfigjson", "path": "config.json"}]
    assert {"name": "registry", "secret": {"secretName": "registry", "items": items}} in pod["volumes"]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert "Secret" not in {each["kind"] for each in objects(PRIVATE)}


def test_outside_of_the_cluster_it_is_asked_by_its_url():
    kinds = {each["kind"] for each in objects(OUTSIDE)}
    assert "Deployment" not in kinds
    urls = [webhook["clientConfig"]["url"] for each in objects(OUTSIDE) for webhook in each.get("webhooks", ())]
    assert set(urls) == {"https://10.0.0.1:9443/mutate", "https://10.0.0.1:9443/validate"}
