"""Docker's configuration keeps what is not ours, and nothing of ours stays."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.deploy import with_runtime, without_runtime
from caisson.errors import UsageError

FOREIGN = {"log-driver": "local", "runtimes": {"crun": {"path": "/c"}}, "node-generic-resources": ["GPU=1"]}


def setup(document, epc=64):
    raw = None if document is None else json.dumps(document).encode()
    return json.loads(with_runtime(raw, program="/p", epc_mib=epc))


def test_the_runtime_becomes_the_default_and_the_page_cache_a_resource():
    assert setup(None) == {
        "runtimes": {"caisson-sgx": {"path": "/p"}},
        "default-runtime": "caisson-sgx",
        "node-generic-resources": ["SGX_EPC=65"],  # one more, see swarm_node.py
    }


def test_foreign_members_stay():
    after = setup(FOREIGN)
    assert after["log-driver"] == "local"
    assert after["runtimes"]["crun"] == {"path": "/c"}
    assert after["node-generic-resources"] == ["GPU=1", "SGX_EPC=65"]


def test_twice_is_once_and_the_last_size_counts():
    assert setup(setup(FOREIGN)) == setup(FOREIGN)
    assert setup(setup(FOREIGN), epc=128)["node-generic-resources"] == ["GPU=1", "SGX_EPC=129"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@given(st.dictionaries(st.text(min_size=1), JSON))
def test_undone_it_is_as_it_was(document):
    document = {name: value for name, value in document.items() if "runtime" not in name and "resources" not in name}
    after = without_runtime(json.dumps(setup(document)).encode())
    assert (json.loads(after) if after is not None else {}) == document


def test_what_others_added_meanwhile_stays():
    meanwhile = setup(FOREIGN) | {"debug": True}
    assert json.loads(without_runtime(json.dumps(meanwhile).encode())) == FOREIGN | {"debug": True}


def test_another_default_that_was_chosen_meanwhile_stays():
    meanwhile = setup(None) | {"default-runtime": "crun"}
    assert json.loads(without_runtime(json.dumps(meanwhile).encode())) == {"default-runtime": "crun"}


def test_a_node_that_was_never_set_up_is_left_alone():
    assert json.loads(without_runtime(json.dumps(FOREIGN).encode())) == FOREIGN
    resource = {"node-generic-resources": ["SGX_EPC=1"]}
    assert json.loads(without_runtime(json.dumps(resource).encode())) == resource


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"default-runtime": "nvidia"}, "default runtime is `nvidia`"),
        ({"node-generic-resources": ["SGX_EPC=1"]}, "not ours"),
        ({"node-generic-resources": "SGX_EPC=1"}, "not what Docker takes"),
        ({"runtimes": []}, "not what Docker takes"),
        ([], "no JSON object"),
    ],
)
def test_what_is_not_understood_is_refused(document, expected):
    with pytest.raises(UsageError, match=expected):
        setup(document)


@pytest.mark.parametrize("raw", [b"{", b"\xff", b"// comment\n{}"])
def test_what_is_not_json_is_refused(raw):
    with pytest.raises(UsageError, match="not JSON"):
        with_runtime(raw, program="/p", epc_mib=1)
    with pytest.raises(UsageError, match="not JSON"):
        without_runtime(raw)
