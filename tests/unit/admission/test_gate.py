"""Decisions about pods: change one thing, and the pod stays outside."""

from copy import deepcopy

import pytest

from caisson.admission import Gate, Review
from tests.unit.admission.conftest import GOOD, PINNED, Known
from tests.unit.deploy.golden import IMAGE

BESIDE = "r/proxy@sha256:" + "0" * 64


def review(*containers, operation="CREATE", **spec):
    pod = {"metadata": {"name": "p"}, "spec": {"containers": list(containers), **spec}}
    return Review(uid="u", operation=operation, namespace="n", pod=pod)


def container(image=GOOD, **changes):
    return {"name": "main", "image": image, **changes}


def patched(asked, decision):
    """Apply a patch as the API server does."""
    pod = deepcopy(asked.pod)
    for change in decision.patch:
        *path, last = change["path"].removeprefix("/").split("/")
        place = pod
        for step in path:
            place = place[int(step) if isinstance(place, list) else step]
        place[int(last) if isinstance(place, list) else last] = change["value"]
    return pod


def test_a_verified_image_is_pinned_and_gets_what_it_needs(gate):
    asked = review(container())
    pod = patched(asked, gate.mutate(asked))
    made = pod["spec"]["containers"][0]
    assert made["image"] == PINNED
    assert made["env"] == [{"name": "CAISSON_KEY_SERVER", "value": "https://keys:8443"}]
    assert made["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "runAsUser": 101,
        "runAsGroup": 102,
        "runAsNonRoot": True,
    }
    names = {each["name"] for each in pod["spec"]["volumes"]}
    assert {each["name"] for each in made["volumeMounts"]} == names
    assert {each["mountPath"] for each in made["volumeMounts"]} == {
        "/run/caisson/platform.sock",
        "/run/caisson",
        "/tmp",
    }


def test_devices_are_asked_for_where_there_are_some(sgx_gate):
    asked = review(container(resources={"limits": {"cpu": "1"}}))
    limits = patched(asked, sgx_gate.mutate(asked))["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "1", "sgx.intel.com/enclave": "1", "sgx.intel.com/epc": str(1 << 30)}


def test_to_be_asked_again_changes_nothing(gate):
    asked = review(container(), container(name="second"))
    pod = patched(asked, gate.mutate(asked))
    again = Review(uid="u", operation="CREATE", namespace="n", pod=pod)
    assert gate.mutate(again).patch == ()
    assert gate.validate(again).allowed


def test_what_the_pod_says_itself_is_kept(gate):
    own = {
        "env": [{"name": "CAISSON_KEY_SERVER", "value": "https://mine"}],
        "volumeMounts": [{"name": "mine", "mountPath": "/tmp"}],
        "securityContext": {"runAsUser": 5},
    }
    asked = review(container(**own), volumes=[{"name": "mine", "emptyDir": {}}])
    pod = patched(asked, gate.mutate(asked))
    made = pod["spec"]["containers"][0]
    assert made["env"] == own["env"]
    assert made["securityContext"]["runAsUser"] == 5
    assert [each["name"] for each in made["volumeMounts"] if each["mountPath"] == "/tmp"] == ["mine"]
    assert pod["spec"]["volumes"][0] == {"name": "mine", "emptyDir": {}}


@pytest.mark.parametrize("kind", ["initContainers", "ephemeralContainers"])
def test_containers_of_every_kind_are_looked_at(gate, kind):
    decision = gate.mutate(review(container(), **{kind: [container("evil/x:1")]}))
    assert not decision.allowed
    assert "evil/x:1" in decision.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": "evil/x:1"}, "not accepted"),
        ({"image": None}, "names no image"),
        ({"command": ["/bin/sh"]}, "sets `command`"),
        ({"args": ["x"]}, "sets `args`"),
        ({"volumeMounts": [{"name": "x", "mountPath": "/"}]}, "mounts something over"),
        ({"volumeMounts": [{"name": "x", "mountPath": "/.caisson/"}]}, "mounts something over"),
        ({"volumeMounts": [{"name": "x", "mountPath": "/.caisson/premain"}]}, "mounts something over"),
        ({"volumeMounts": [{"name": "x", "mountPath": "//.caisson"}]}, "mounts something over"),
        ({"volumeMounts": [{"name": "x", "mountPath": "/./.caisson/premain"}]}, "mounts something over"),
        ({"volumeMounts": [{"name": "x", "mountPath": "/tmp/../.caisson"}]}, "mounts something over"),
        ({"volumeMounts": [{"name": "x", "mountPath": ".caisson"}]}, "mounts something over"),
        ({"volumeMounts": [{"name": "x", "mountPath": "."}]}, "mounts something over"),
        ({"lifecycle": {"postStart": {"exec": {"command": ["/x/evil"]}}}}, "runs a command in `lifecycle.postStart`"),
        ({"lifecycle": {"preStop": {"exec": {"command": ["/x/evil"]}}}}, "runs a command in `lifecycle.preStop`"),
        ({"livenessProbe": {"exec": {"command": ["/x/evil"]}}}, "runs a command in `livenessProbe`"),
        ({"startupProbe": {"exec": {}}}, "runs a command in `startupProbe`"),
    ],
)
def test_one_change_and_the_pod_stays_outside(gate, change, words):
    decision = gate.mutate(review(container() | change))
    assert not decision.allowed
    assert decision.status == 403
    assert words in decision.message
    assert decision.patch == ()


def test_an_images_own_check_of_its_health_may_be_run(checked_gate):
    own = {"exec": {"command": ["/usr/bin/redis-cli", "ping"]}, "periodSeconds": 5}
    assert checked_gate.mutate(review(container(readinessProbe=own, livenessProbe=own))).allowed
    assert not checked_gate.mutate(review(container(lifecycle={"preStop": own}))).allowed
    other = {"exec": {"command": [*own["exec"]["command"], "shutdown"]}}
    assert "`readinessProbe`" in checked_gate.mutate(review(container(readinessProbe=other))).message


def test_probes_that_run_nothing_are_the_pods_own_business(gate):
    probe = {"tcpSocket": {"port": 6379}}
    assert gate.mutate(
        review(container(readinessProbe=probe, lifecycle={"preStop": {"sleep": {"seconds": 3}}}))
    ).allowed


def test_all_reasons_are_given_at_once(gate):
    decision = gate.mutate(review(container("evil/x:1"), container("evil/y:1")))
    assert "evil/x:1" in decision.message
    assert "evil/y:1" in decision.message


def test_without_a_verdict_there_is_no_pod(gate):
    decision = gate.mutate(review(container("away/x:1")))
    assert not decision.allowed
    assert decision.status == 503


def test_an_image_beside_is_let_in_by_its_digest_only(gate):
    assert gate.mutate(review(container(), container(BESIDE))).allowed
    assert not gate.mutate(review(container(), container("r/proxy:1"))).allowed


def test_the_last_look_wants_a_digest(gate):
    assert "not pinned" in gate.validate(review(container())).message
    assert gate.validate(review(container(PINNED))).allowed


def test_a_pod_that_runs_is_looked_at_and_not_changed(gate):
    decision = gate.mutate(review(container(PINNED), operation="UPDATE"))
    assert decision.allowed
    assert decision.patch == ()


def test_a_pod_of_very_many_images_is_left_when_nobody_waits_for_the_answer_any_longer(software):
    now, judge = [0.0], Known(IMAGE)
    gate = Gate(judge, software, clock=lambda: now[0])

    def slowly(image):
        now[0] += 1
        return Known.judge(judge, image)

    judge.judge = slowly
    decision = gate.mutate(review(*(container() for _ in range(10_000))))
    assert (decision.allowed, decision.status) == (False, 503)
    assert decision.message == "caisson: no verdict: the images of this pod take longer than 30 seconds to verify"
    assert len(judge.asked) == 31
