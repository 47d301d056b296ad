"""Objects of every flavour: valid for the last releases, locked down, and nothing in them that would be ignored."""

from copy import deepcopy
from dataclasses import replace

import kubernetes_validate
import pytest

from caisson.deploy import (
    ImagePin,
    KubernetesOptions,
    PlatformAddress,
    PlatformSocket,
    Publish,
    SgxDevices,
    SidecarAesmd,
    helm_chart,
    kubernetes_objects,
)
from caisson.errors import UsageError
from tests.pod_security import baseline, restricted
from tests.unit.deploy.golden import AESMD, CAISSON, PCCS, PLUGIN, POD, SGX_POD, kubernetes

FLAVOURS = kubernetes()
RELEASES = {version.rpartition(".")[0]: None for version in kubernetes_validate.utils.all_versions()}
LAST_FOUR = list(RELEASES)[-4:]
NODEVICE = KubernetesOptions(flavour="nodevice")


def objects(name):
    return kubernetes_objects(*FLAVOURS[name])


def workload(made):
    return next(each for each in made if each["kind"] in ("Deployment", "StatefulSet"))


def program(made):
    return workload(made)["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("release", LAST_FOUR)
@pytest.mark.parametrize("name", FLAVOURS)
def test_objects_are_valid_for_the_last_four_releases(name, release):
    for each in objects(name):
        assert kubernetes_validate.validate(each, release, strict=True) == release


def test_the_schemas_refuse_a_field_that_does_not_exist():
    broken = deepcopy(objects("intel-plain")[0])
    broken["nonsense"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, LAST_FOUR[-1], strict=True)


def test_the_side_car_satisfies_pod_security_restricted():
    (spec,) = (each["spec"]["template"]["spec"] for each in objects("sidecar") if each["kind"] == "Deployment")
    assert list(restricted(spec)) == []


@pytest.mark.parametrize(
    ("change", "control"),
    [
        (lambda spec: spec.update(hostPID=True), "hostPID"),
        (lambda spec: spec["securityContext"].pop("seccompProfile"), "seccomp"),
        (lambda spec: spec["securityContext"].update(runAsUser=0), "running as root"),
        (lambda spec: spec["securityContext"].update(runAsNonRoot=False), "running as non-root"),
        (lambda spec: spec["containers"][1].pop("securityContext"), "capabilities"),
        (lambda spec: spec["volumes"].append({"name": "x", "hostPath": {"path": "/"}}), "hostPath volumes"),
    ],
)
def test_the_checker_of_pod_security_sees_one_change(change, control):
    spec = deepcopy(workload(objects("sidecar"))["spec"]["template"]["spec"])
    change(spec)
    assert any(found.startswith(control) for found in restricted(spec))


@pytest.mark.parametrize("name", [name for name in FLAVOURS if name != "sidecar"])
def test_other_flavours_break_restricted_by_a_path_of_the_host_at_most(name):
    assert set(baseline(workload(objects(name))["spec"]["template"]["spec"])) <= {"hostPath volumes"}


@pytest.mark.parametrize("name", FLAVOURS)
def test_every_container_is_locked_down_and_pinned(name):
    for each in objects(name):
        for container in each.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "@sha256:" in container["image"]


@pytest.mark.parametrize("name", FLAVOURS)
def test_no_pod_has_a_token_of_the_api(name):
    for each in objects(name):
        if "template" in each.get("spec", {}):
            assert each["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", FLAVOURS)
def test_only_aesmd_gets_the_provision_device(name):
    having = [
        container["name"]
        for each in objects(name)
        for container in each.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ())
        if "sgx.intel.com/provision" in container.get("resources", {}).get("limits", {})
    ]
    assert having == (["aesmd"] if name == "sidecar" else [])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("intel-plain", {"sgx.intel.com/enclave", "sgx.intel.com/epc"}),
        ("intel-webhook", {"sgx.intel.com/epc"}),
        ("aks", {"sgx.intel.com/epc"}),
        ("sidecar", {"sgx.intel.com/enclave", "sgx.intel.com/epc"}),
        ("nodevice", set()),
    ],
)
def test_the_program_asks_for_what_the_flavour_grants(name, expected):
    limits = program(objects(name)).get("resources", {}).get("limits", {})
    assert {each for each in limits if each.startswith("sgx")} == expected


def test_volumes_make_a_stateful_set_and_none_a_deployment():
    assert workload(objects("nodevice"))["kind"] == "StatefulSet"
    assert workload(objects("intel-plain"))["kind"] == "Deployment"


def test_a_named_volume_is_a_claim_that_exists_already():
    spec = workload(objects("nodevice-address"))["spec"]
    volumes = {each["name"]: each for each in spec["template"]["spec"]["volumes"]}
    assert volumes["data-data"]["persistentVolumeClaim"] == {"claimName": "mine"}
    assert [each["metadata"]["name"] for each in spec["volumeClaimTemplates"]] == ["data-a-b"]


def test_what_kubernetes_would_put_a_variable_into_is_escaped():
    made = kubernetes_objects(replace(POD, key_server="https://keys/$(HOME)"), NODEVICE)
    assert program(made)["env"][0]["value"] == "https://keys/$$(HOME)"


def test_a_software_platform_is_marked_wherever_it_is():
    marked = [each for each in objects("nodevice") if each["kind"] in ("DaemonSet", "StatefulSet")]
    assert len(marked) == 2
    for each in marked:
        assert each["spec"]["template"]["metadata"]["annotations"]["org.caisson/protects"] == "nothing"


def test_an_address_of_the_key_server_is_the_only_one_that_may_be_reached_at_its_port():
    made = kubernetes_objects(replace(POD, key_server="https://10.1.2.3:8443"), NODEVICE)
    policy = next(each for each in made if each["kind"] == "NetworkPolicy")["spec"]
    assert {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"port": 8443, "protocol": "TCP"}]} in policy[
        "egress"
    ]


def test_a_budget_for_disruptions_is_for_several_replicas():
    def budgets(name):
        return [each for each in objects(name) if each["kind"] == "PodDisruptionBudget"]

    assert budgets("intel-plain") == []
    assert budgets("intel-webhook")[0]["spec"]["maxUnavailable"] == 1


def with_paths(**paths):
    return replace(POD, volumes=(), image=replace(POD.image, **paths))


SIDECAR_PCCS = SidecarAesmd(image=AESMD, pccs_image=PCCS)


@pytest.mark.parametrize(
    ("deployment", "options", "words"),
    [
        (SGX_POD, NODEVICE, "takes its evidence"),
        (POD, PLUGIN, "takes its evidence"),
        (SGX_POD, KubernetesOptions(flavour="sidecar"), "takes its evidence"),
        (replace(SGX_POD, networks=("backend",)), PLUGIN, "one network"),
        (replace(SGX_POD, devices=SgxDevices(enclave="/dev/x")), PLUGIN, "device plugin"),
        (replace(SGX_POD, restart="no"), PLUGIN, "restart policy"),
        (replace(SGX_POD, name="1st"), PLUGIN, "no name"),
        (replace(SGX_POD, name="aesmd"), PLUGIN, "no name"),
        (replace(SGX_POD, publish=(Publish(container_port=6379, host_port=80),)), PLUGIN, "do not offer"),
        (replace(SGX_POD, publish=(Publish(container_port=1),)), PLUGIN, "does not expose"),
        (replace(SGX_POD, publish=(Publish(container_port=6379, host_address="1.2.3.4"),)), PLUGIN, "addresses"),
        (replace(SGX_POD, image=replace(SGX_POD.image, enclave_size=None)), PLUGIN, "size of the enclave"),
        (replace(SGX_POD, image=replace(SGX_POD.image, pin=ImagePin(digest=AESMD.digest))), PLUGIN, "registry"),
        (with_paths(volumes=("/a-b", "/a/b")), NODEVICE, "cannot tell the volumes of `/a-b` and `/a/b` apart"),
        (with_paths(volumes=("/Data", "/data")), NODEVICE, "cannot tell the volumes of `/Data` and `/data` apart"),
        (with_paths(volumes=(f"/{'a' * 70}", f"/{'a' * 71}")), NODEVICE, "cannot tell the volumes"),
        (with_paths(tmpfs=("/t.1", "/t/1")), NODEVICE, "cannot tell the volumes of `/t.1` and `/t/1` apart"),
        (replace(SGX_POD, evidence=SIDECAR_PCCS), KubernetesOptions(flavour="sidecar"), "for each pod"),
        (
            replace(POD, evidence=PlatformSocket(path="/run/platform.sock")),
            replace(NODEVICE, platform_image=CAISSON),
            "all of",
        ),
        (
            replace(POD, evidence=PlatformAddress(host="h", port=1)),
            replace(NODEVICE, platform_image=CAISSON),
            "for the socket",
        ),
    ],
)
def test_what_kubernetes_would_ignore_or_could_not_do_is_refused(deployment, options, words):
    with pytest.raises(UsageError, match=words):
        kubernetes_objects(deployment, options)


def test_a_sign_of_the_template_language_is_meant_literally():
    files = helm_chart(replace(SGX_POD, key_server="https://keys.example/{{x}}"), PLUGIN)
    text = next(file.text for file in files if file.name.startswith("templates/"))
    assert 'https://keys.example/{{ "{{" }}x}}' in text
