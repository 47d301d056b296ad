import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.errors import Malformed
from caisson.protocol import ActivationEvidence, RuntimeData, ServerKeyHash, canonical


def test_the_evidence_vector_is_read(vector):
    found = vector("evidence")
    evidence = ActivationEvidence.parse(found["activation_request"].encode())
    assert evidence.quote.hex() == found["quote"]
    assert evidence.encode().decode() == found["activation_request"]
    data = RuntimeData.parse(evidence.runtime_data)
    assert data.raw.decode() == found["runtime_data"]
    assert (data.workload, data.nonce.value.hex()) == (found["workload"], found["nonce"])
    assert data.server_key_hash == ServerKeyHash.of(bytes.fromhex(found["server_key"]))
    assert data.report_data.value.hex() == found["report_data"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"version": 2}, id="version-2"),
        pytest.param({"version": True}, id="version-true"),
        pytest.param({"workload": ""}, id="no-workload"),
        pytest.param({"workload": "Redis"}, id="capital-workload"),
        pytest.param({"workload": "redis\n"}, id="workload-with-line-end"),
        pytest.param({"workload": "a" * 64}, id="long-workload"),
        pytest.param({"nonce": canonical.base64_text(bytes(31))}, id="short-nonce"),
        pytest.param({"server_key_sha256": "AA" * 32}, id="capital-hash"),
        pytest.param({"server_key_sha256": "aa " * 32}, id="hash-with-blanks"),
        pytest.param({"server_key_sha256": "aa" * 31}, id="short-hash"),
        pytest.param({"hpke_public_key": canonical.base64_text(bytes(1215))}, id="short-hpke-key"),
        pytest.param({"hpke_public_key": None}, id="null-hpke-key"),
        pytest.param({"tls_public_key": 1}, id="tls-key-as-number"),
        pytest.param({"debug": False}, id="unknown-member"),
    ],
)
def test_runtime_data_with_a_fault_are_refused(vector, change):
    good = json.loads(vector("evidence")["runtime_data"])
    RuntimeData.parse(canonical.encode(good))
    with pytest.raises(Malformed):
        RuntimeData.parse(canonical.encode(good | change))


@given(quote=st.binary(max_size=100), data=st.binary(max_size=100))
def test_evidence_survives_the_wire(quote, data):
    evidence = ActivationEvidence(quote=quote, runtime_data=data)
    assert ActivationEvidence.parse(evidence.encode()) == evidence


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_readers(raw):
    for parse in (ActivationEvidence.parse, RuntimeData.parse):
        with pytest.raises(Malformed):
            parse(raw)
