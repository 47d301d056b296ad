"""Questions of the API server, and answers."""

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.admission import Decision, Review
from caisson.errors import Malformed

QUESTION = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "u-1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "n",
        "operation": "CREATE",
        "object": {"spec": {"containers": []}},
        "dryRun": False,
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def changed(*path, value):
    document = json.loads(json.dumps(QUESTION))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(document).encode()


def test_a_question_is_read():
    review = Review.parse(json.dumps(QUESTION).encode())
    assert (review.uid, review.operation, review.namespace) == ("u-1", "CREATE", "n")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        changed("apiVersion", value="admission.k8s.io/v1beta1"),
        changed("kind", value="Pod"),
        changed("request", value=None),
        changed("request", "uid", value=""),
        changed("request", "uid", value="u" * 257),
        changed("request", "uid", value=1),
        changed("request", "kind", "kind", value="Deployment"),
        changed("request", "object", value=None),
        changed("request", "object", "spec", value=[]),
        changed("request", "operation", value=None),
    ],
)
def test_anything_else_is_malformed(raw):
    with pytest.raises(Malformed):
        Review.parse(raw)


@given(JSON)
def test_whatever_is_sent_is_read_or_malformed(document):
    question = {**QUESTION, "request": document}
    with contextlib.suppress(Malformed):
        Review.parse(json.dumps(question).encode())


@given(JSON)
def test_whatever_a_pod_is_there_is_an_answer(document):
    from caisson.admission import Gate

    class Refuses:
        def judge(self, image):
            raise Malformed(image)

    review = Review(uid="u", operation="CREATE", namespace="n", pod={"spec": {"containers": document}})
    gate = Gate(Refuses(), needs=None)
    assert gate.validate(review).allowed == (not document)


def test_a_yes_carries_its_patch_in_base64():
    answer = Decision(allowed=True, patch=({"op": "add", "path": "/x", "value": 1},)).encode("u-1")
    assert answer["apiVersion"] == "admission.k8s.io/v1"
    assert answer["response"]["uid"] == "u-1"
    assert answer["response"]["patchType"] == "JSONPatch"
    assert json.loads(base64.b64decode(answer["response"]["patch"])) == [{"op": "add", "path": "/x", "value": 1}]


def test_a_yes_without_changes_has_no_patch():
    assert Decision(allowed=True).encode("u")["response"] == {"uid": "u", "allowed": True}


def test_a_no_says_why():
    response = Decision(allowed=False, status=403, message="no").encode("u")["response"]
    assert response == {"uid": "u", "allowed": False, "status": {"code": 403, "message": "no"}}
