"""Operators through their client: what they may, what they may not, and that every deed is on record."""

import httpx2
import pytest

from caisson.errors import AuditRejected, Malformed, TokenRejected, Unavailable, Unknown, UsageError
from caisson.keyserver import Generation, KeyServerClient, Secret, SecretKind, Workload, verify_chain
from caisson.protocol import encode_identity

PASSWORD = Generation(kind=SecretKind.PASSWORD)


def last(world):
    record = world.audit()[-1]
    return record.kind, record.actor, record.details


def test_secrets_have_versions_and_a_record_for_each(world, client):
    info = client.set_secret("new", Secret(b"canary-1"))
    assert (info.version, info.label, info.size) == (1, "given", 8)
    assert last(world) == ("secret-set", "operator:first", {"secret": "new", "version": 1, "kind": "given"})
    assert client.set_secret("new", Secret(b"canary-2")).version == 2
    assert client.reveal_secret("new").reveal() == b"canary-2"
    assert last(world) == ("secret-revealed", "operator:first", {"secret": "new", "version": 2})
    assert client.reveal_secret("new", 1).reveal() == b"canary-1"
    assert client.secret_info("new").version == 2
    assert [info.name for info in client.secrets()] == ["disk-key", "new", "password"]


def test_a_generated_secret_is_kept_if_asked(client):
    info, made = client.generate_secret("made", PASSWORD, if_absent=True)
    assert (info.version, info.label, info.size, made) == (1, "password", 32, True)
    assert client.generate_secret("made", PASSWORD, if_absent=True) == (info, False)
    assert client.generate_secret("made", PASSWORD)[0].version == 2


def test_a_secret_that_a_workload_needs_stays(world, client):
    with pytest.raises(UsageError, match="needed by `redis`"):
        client.remove_secret("password")
    client.remove_workload("redis")
    client.remove_secret("password")
    assert last(world)[0] == "secret-removed"
    for attempt in (client.secret_info, client.reveal_secret, client.remove_secret):
        with pytest.raises(Unknown):
            attempt("password")


@pytest.mark.parametrize("name", ["../password", "", "a/b", "A", "a" * 64, "a\n", "%2e%2e", "a."])
def test_a_name_that_is_a_path_is_refused_on_both_sides(world, client, name):
    with pytest.raises(UsageError):
        client.set_secret(name, Secret(b"x"))
    with pytest.raises(UsageError):
        world.operator.set_secret(name, Secret(b"x"))
    with pytest.raises(UsageError):
        client.workload(name)


@pytest.mark.parametrize("value", [b"", b"x" * (256 * 1024 + 1)])
def test_a_secret_is_neither_empty_nor_endless(client, value):
    with pytest.raises(UsageError, match="bytes"):
        client.set_secret("new", Secret(value))


def test_a_workload_reads_back_and_counts_its_versions(world, client):
    workload = Workload.parse(world.document(argv=["--port", "0"]))
    assert client.set_workload(workload).version == 2
    info, found = client.workload("redis")
    assert (info.version, found) == (2, workload)
    assert [info.name for info in client.workloads()] == ["redis"]
    kind, actor, details = last(world)
    assert (kind, actor, details["workload"], details["version"]) == ("workload-set", "operator:first", "redis", 2)
    assert details["secrets"] == ["disk-key", "password"]


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"env": {"A": "{{ secret:missing }}"}}, Unknown, "no secret `missing`"),
        ({"fs_keys": {"default": "password"}}, UsageError, "needs 16"),
        ({"env": {"A": "{{ secret:binary }}"}}, UsageError, "no text"),
        ({"file": [{"path": "/run/big", "content": "{{ secret:big }}" * 4}]}, UsageError, "more than"),
    ],
)
def test_what_cannot_be_filled_is_refused_when_it_is_set(world, client, changes, error, match):
    client.set_secret("binary", Secret(b"\xff"))
    client.set_secret("big", Secret(b"x" * (256 * 1024)))
    with pytest.raises(error, match=match):
        client.set_workload(Workload.parse(world.document(**changes)))
    assert client.workload("redis")[0].version == 1


def test_a_large_bundle_that_is_accepted_also_arrives(world):
    world.operator.set_secret("big", Secret(b"x" * (200 * 1024)))
    world.set_workload(file=[{"path": "/run/big", "content": "{{ secret:big }}" * 2}])
    assert len(world.activate().files[0].content) == 400 * 1024


def test_the_path_and_the_document_name_the_same_workload(world, http):
    headers = {"authorization": f"Bearer {world.token.reveal().decode()}"}
    response = http.put("/v1/operator/workloads/other", json=world.document(), headers=headers)
    assert response.json()["error"]["code"] == "malformed"


def test_tokens_are_made_listed_and_revoked(world, client, http):
    info, token = client.create_token("ann")
    ann = KeyServerClient(http, token=token)
    ann.set_secret("of-ann", Secret(b"x"))
    assert last(world)[1] == "operator:ann"
    assert [found.name for found in client.tokens() if found.identifier == info.identifier] == ["ann"]
    client.revoke_token(info.identifier)
    with pytest.raises(TokenRejected):
        ann.secrets()
    with pytest.raises(Unknown):
        client.revoke_token(info.identifier)


def test_the_log_arrives_page_by_page_and_fits_its_signed_head(client, monkeypatch):
    monkeypatch.setattr("caisson.keyserver.client.MOST_AUDIT_LINES", 2)
    records = list(verify_chain(client.audit_lines(), heads=frozenset({client.audit_head().digest})))
    assert [record.kind for record in records] == [
        "initialised",
        "token-created",
        "secret-set",
        "secret-set",
        "workload-set",
    ]
    assert records[0].details["trust_domain"] == "example.org"


def test_a_head_that_another_server_signed_is_noticed(world, client, monkeypatch):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    other = Ed25519PrivateKey.generate()
    monkeypatch.setattr(KeyServerClient, "identity", lambda _self: encode_identity(other.public_key()))
    with pytest.raises(AuditRejected):
        client.audit_head()
    assert world.server.identity != other


def test_without_a_token_the_client_gets_what_is_public(world, http):
    anyone = KeyServerClient(http)
    assert anyone.identity() == world.server.face.identity
    assert anyone.ca() == world.server.face.ca_pem
    with pytest.raises(TokenRejected):
        anyone.secrets()


@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(200, content=b"<html>"),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, json={"version": 2}),
        httpx2.Response(200, json={"version": 1}),
        httpx2.Response(200, json={"version": 1, "secrets": [1]}),
        httpx2.Response(200, json={"version": 1, "secrets": [{"name": 1}]}),
        httpx2.Response(302, headers={"location": "https://elsewhere.test/"}),
        httpx2.Response(500, content=b"oops"),
        httpx2.Response(400, json={"error": "x"}),
        httpx2.Response(400, json={"error": {"code": "new-code", "message": "x"}}),
        httpx2.Response(400, json=[]),
    ],
)
def test_what_is_no_key_server_gives_no_verdict(response):
    transport = httpx2.MockTransport(lambda _request: response)
    with (
        KeyServerClient(httpx2.Client(transport=transport, base_url="https://x.test"), token=Secret(b"t")) as client,
        pytest.raises(Unavailable),
    ):
        client.secrets()


def test_the_client_does_not_follow_a_server_elsewhere():
    asked = []

    def answer(request):
        asked.append(request)
        return httpx2.Response(307, headers={"location": "https://thief.test/v1/operator/secrets"})

    http = httpx2.Client(transport=httpx2.MockTransport(answer), base_url="https://keys.test", follow_redirects=False)
    with KeyServerClient(http, token=Secret(b"canary-token")) as client, pytest.raises(Unavailable):
        client.secrets()
    assert len(asked) == 1


@pytest.mark.parametrize(("url", "ca"), [("http://keys.test", "x"), ("keys.test", "x"), ("https://keys.test", "x")])
def test_a_connection_is_https_and_checked(url, ca):
    with pytest.raises(UsageError):
        KeyServerClient.connect(url, ca=ca)


def test_a_workload_that_is_malformed_does_not_reach_the_store(world):
    with pytest.raises(Malformed):
        Workload.parse(world.document(policy="version = 1"))
