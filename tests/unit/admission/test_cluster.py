"""Changing the bundles of our own configurations, and nothing else, whoever else changes them."""

import base64
import json
import ssl

import httpx2
import pytest

from caisson.admission import Cluster, ClusterAccess
from caisson.errors import Rejected, Unavailable


class Api:
    """Two configurations with two webhooks each; refuses the first patches as if others had been faster."""

    def __init__(self, *, conflicts=0, status=200):
        self.bundles = {}
        self.conflicts, self.status = conflicts, status
        self.seen = []

    def handle(self, request):
        self.seen.append(request)
        if self.status != 200:
            return httpx2.Response(self.status)
        kind = request.url.path.split("/")[-2]
        found = self.bundles.setdefault(kind, ["", base64.b64encode(b"old").decode()])
        if request.method == "GET":
            webhooks = [{"clientConfig": {"caBundle": each} if each else {}} for each in found]
            return httpx2.Response(200, json={"metadata": {"resourceVersion": "7"}, "webhooks": webhooks})
        if self.conflicts:
            self.conflicts -= 1
            return httpx2.Response(422)
        first, *rest = json.loads(request.content)
        assert first == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
        for each in rest:
            found[int(each["path"].split("/")[2])] = each["value"]
        return httpx2.Response(200, json={})


@pytest.fixture
def connect(tmp_path):
    authority, token = tmp_path / "ca.crt", tmp_path / "token"
    authority.write_text(ssl.DER_cert_to_PEM_cert(_authority()))
    token.write_text("secret-token\n")

    def make(api):
        access = ClusterAccess(url="https://api", authority=authority, token=token)
        return Cluster(access, transport=httpx2.MockTransport(api.handle))

    return make


def _authority():
    from datetime import UTC, datetime, timedelta

    from cryptography.hazmat.primitives.serialization import Encoding

    from caisson.admission import ServingCertificate

    made = ServingCertificate.issue(("x",), at=datetime.now(UTC), lifetime=timedelta(days=1))
    return made.authority.public_bytes(Encoding.DER)


def test_every_webhook_of_both_configurations_is_changed(connect):
    api = Api()
    connect(api).change_bundles("hook", lambda bundle: bundle + "+new")
    decoded = {kind: [base64.b64decode(each) for each in found] for kind, found in api.bundles.items()}
    assert decoded == {
        "mutatingwebhookconfigurations": [b"+new", b"old+new"],
        "validatingwebhookconfigurations": [b"+new", b"old+new"],
    }
    assert {request.headers["authorization"] for request in api.seen} == {"Bearer secret-token"}


def test_nothing_to_change_is_not_written(connect):
    api = Api()
    connect(api).change_bundles("hook", lambda bundle: bundle)
    assert {request.method for request in api.seen} == {"GET"}


def test_whoever_was_faster_is_read_again(connect):
    api = Api(conflicts=2)
    connect(api).change_bundles("hook", lambda bundle: bundle + "+new")
    assert len([request for request in api.seen if request.method == "PATCH"]) == 4


def test_others_that_never_stop_are_no_verdict(connect):
    with pytest.raises(Unavailable, match="all the time"):
        connect(Api(conflicts=99)).change_bundles("hook", lambda bundle: bundle + "+new")


@pytest.mark.parametrize(("status", "kind"), [(403, Rejected), (404, Rejected), (500, Unavailable), (302, Unavailable)])
def test_what_the_api_server_says_is_told(connect, status, kind):
    with pytest.raises(kind, match=str(status)):
        connect(Api(status=status)).change_bundles("hook", str)
