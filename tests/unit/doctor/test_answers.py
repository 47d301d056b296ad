"""What engines and clusters say of themselves: read leniently, kept sparingly, or refused with an error of ours."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.doctor.cluster_answers import parse_nodes, parse_plugins, parse_version, parse_webhooks
from caisson.doctor.engine_answers import parse_docker, parse_podman, parse_swarm
from caisson.errors import Malformed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=20,
)
INFO = {
    "ServerVersion": "28.2.2",
    "SecurityOptions": ["name=seccomp,profile=builtin"],
    "DefaultRuntime": "caisson-sgx",
    "Runtimes": {"runc": {"path": "runc"}, "caisson-sgx": {"path": "/usr/local/libexec/caisson/caisson-sgx-runc"}},
    "CgroupVersion": "2",
    "Swarm": {"LocalNodeState": "active", "ControlAvailable": True, "NodeAddr": "10.0.0.1"},
    "GenericResources": [
        {"DiscreteResourceSpec": {"Kind": "SGX_EPC", "Value": 64}},
        {"NamedResourceSpec": {"Kind": "GPU", "Value": "a"}},
    ],
    "HttpProxy": "http://user:hunter2@proxy.example",
    "Labels": ["secret=hunter2"],
}
NODES = {
    "items": [
        {
            "metadata": {"name": "a", "annotations": {"secret": "hunter2"}},
            "spec": {"providerID": "hunter2"},
            "status": {
                "allocatable": {
                    "cpu": "8",
                    "sgx.intel.com/epc": "98041856",
                    "sgx.intel.com/enclave": "110",
                    "kubernetes.azure.com/sgx_epc_mem_in_MiB": "8k",
                },
                "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
                "nodeInfo": {"architecture": "amd64", "kernelVersion": "6.1.0", "kubeletVersion": "v1.33.1"},
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            },
        },
        {
            "metadata": {"name": "b"},
            "spec": {"unschedulable": True},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {"architecture": "arm64", "kubeletVersion": "v1.32.0"},
            },
        },
    ]
}


def test_dockers_answer_is_read_and_nothing_else_of_it_is_kept():
    found = parse_docker(INFO, local=True)
    assert (found.version, found.default_runtime, found.swarm, found.manager) == (
        "28.2.2",
        "caisson-sgx",
        "active",
        True,
    )
    assert found.program == "/usr/local/libexec/caisson/caisson-sgx-runc"
    assert found.resources == {"SGX_EPC": 64}
    assert "hunter2" not in repr(found)
    assert "10.0.0.1" not in repr(found)


def test_an_engine_that_says_little_is_one():
    found = parse_docker({"ServerVersion": "20.10.24"}, local=False)
    assert (found.swarm, found.security, found.program, found.resources) == ("", (), None, {})


@pytest.mark.parametrize("answer", [None, [], {}, {"ServerVersion": 1}, {**INFO, "Runtimes": {"runc": "runc"}}])
def test_what_no_engine_says_is_refused(answer):
    with pytest.raises(Malformed, match="the Docker engine says something else"):
        parse_docker(answer, local=True)


@given(JSON)
def test_any_answer_of_an_engine_is_read_or_refused(answer):
    for parse in (
        lambda each: parse_docker(each, local=True),
        parse_swarm,
        lambda each: parse_podman(json.dumps(each)),
    ):
        try:
            parse(answer)
        except Malformed:
            continue


@given(st.sampled_from(sorted(INFO)), JSON)
def test_one_member_of_another_type_is_read_or_refused(member, value):
    try:
        parse_docker({**INFO, member: value}, local=True)
    except Malformed:
        return


def test_nodes_of_a_swarm_are_ready_when_they_take_tasks():
    resources = {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "SGX_EPC", "Value": 64}}]}
    nodes = [
        {
            "Spec": {"Availability": availability},
            "Description": {"Hostname": "a", "Resources": resources},
            "Status": {"State": state, "Addr": "10.0.0.1"},
        }
        for availability, state in (("active", "ready"), ("drain", "ready"), ("active", "down"))
    ]
    assert [node.ready for node in parse_swarm(nodes).nodes] == [True, False, False]


def test_nodes_of_a_cluster_are_read_and_nothing_else_of_them_is_kept():
    text = json.dumps(NODES)
    first, second = parse_nodes(text)
    assert (first.name, first.ready, first.architecture) == ("a", True, "amd64")
    assert first.resources == {
        "sgx.intel.com/epc": 98041856,
        "sgx.intel.com/enclave": 110,
        "kubernetes.azure.com/sgx_epc_mem_in_MiB": 8000,
    }
    assert (second.ready, second.resources) == (False, {})
    assert parse_version(text) == "v1.32.0, v1.33.1"
    assert "hunter2" not in repr(first)
    assert "10.0.0.1" not in repr(first)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1Gi", 1 << 30), ("512M", 512_000_000), ("7.000", 7), ("0", 0), (f"{10**17}Ti", (1 << 63) - 1)],
)
def test_quantities_are_kubernetes_quantities(text, size):
    node = {"metadata": {"name": "a"}, "status": {"allocatable": {"sgx.intel.com/epc": text}, "nodeInfo": {}}}
    (found,) = parse_nodes(json.dumps({"items": [node]}))
    assert found.resources == {"sgx.intel.com/epc": size}


@pytest.mark.parametrize("text", ["-1", "1.5Gi", "lots", "", "1e3"])
def test_other_quantities_are_passed_over(text):
    node = {"metadata": {"name": "a"}, "status": {"allocatable": {"sgx.intel.com/epc": text}, "nodeInfo": {}}}
    assert parse_nodes(json.dumps({"items": [node]}))[0].resources == {}


def test_only_plugins_and_webhooks_for_sgx_are_named():
    sets = [
        {"metadata": {"name": name}, "status": {"desiredNumberScheduled": 2, "numberReady": 1}}
        for name in ("intel-sgx-plugin", "sgx-plugin", "intel-gpu-plugin", "sgx-aesmd")
    ]
    assert [found.name for found in parse_plugins(json.dumps({"items": sets}))] == ["intel-sgx-plugin", "sgx-plugin"]
    hooks = [{"metadata": {"name": name}} for name in ("sgx-webhook", "caisson", "inteldeviceplugins-mutating")]
    assert parse_webhooks(json.dumps({"items": hooks})) == ("sgx-webhook", "inteldeviceplugins-mutating")


@settings(max_examples=30)
@given(JSON)
def test_any_answer_of_a_cluster_is_read_or_refused(answer):
    text = json.dumps(answer)
    for parse in (parse_nodes, parse_version, parse_plugins, parse_webhooks):
        for each in (text, json.dumps({"items": answer}), text[:-1]):
            try:
                parse(each)
            except Malformed:
                continue
